"""A command of the page says first what it will do, and is carried out once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from domain.identity import WorkerId
from fleet.errors import OperationError, UnknownWorkerError
from fleet.fleet import Fleet
from reporting.sentences import LANGUAGES, words
from tests.web.serving import connected
from web.commands import acts
from web.commands.acts import Acts, StalePlanError
from web.commands.wanted import SELLS, Act, Wanted


class Doing:
    """Counts what was carried out, and takes its time."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.done: list[Wanted] = []
        self.fault = fault
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def perform(self, wanted: Wanted) -> Mapping[str, Any]:
        self.done.append(wanted)
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        return {"well": True, "lines": [f"{len(self.done)}"]}


async def registered(fleet: Fleet, *names: str) -> None:
    await fleet.database.workers.register_all(fleet.account_id, {WorkerId(name): f"w/{name}" for name in names})


async def test_two_confirmations_of_a_plan_are_one_command(fleet: Fleet) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    plan = (await page.plan(Wanted(Act.KILL_SWITCH_ON)))["plan"]

    doing.may_end.clear()
    waiting = [asyncio.create_task(page.confirm(plan)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    doing.may_end.set()

    assert await asyncio.gather(*waiting) == [{"well": True, "lines": ["1"]}] * 2
    assert await page.confirm(plan) == {"well": True, "lines": ["1"]}, "a reload gets the outcome again"
    assert doing.done == [Wanted(Act.KILL_SWITCH_ON)]


async def test_a_page_that_goes_away_does_not_stop_its_command(fleet: Fleet) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    plan = (await page.plan(Wanted(Act.CLOSE)))["plan"]
    doing.may_end.clear()
    asked = asyncio.create_task(page.confirm(plan))
    while not doing.done:
        await asyncio.sleep(0)
    asked.cancel()
    doing.may_end.set()
    await page.finish()

    assert (await page.confirm(plan))["well"]
    assert len(doing.done) == 1


async def test_an_unknown_or_old_plan_is_refused(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    with pytest.raises(StalePlanError):
        await page.confirm("guessed")

    plan = (await page.plan(Wanted(Act.KILL_SWITCH_OFF)))["plan"]
    monkeypatch.setattr(acts, "_VALID_FOR", -1.0)
    with pytest.raises(StalePlanError):
        await page.confirm(plan)
    assert doing.done == []


async def test_a_plan_names_the_workers_and_refuses_unknown_ones(fleet: Fleet) -> None:
    await registered(fleet, "worker-1", "worker-2")
    page = Acts(connected(fleet), Doing().perform)

    assert (await page.plan(Wanted(Act.PAUSE)))["workers"] == 2
    assert (await page.plan(Wanted(Act.LIQUIDATE, "worker-2")))["workers"] == 1
    with pytest.raises(UnknownWorkerError):
        await page.plan(Wanted(Act.PAUSE, "worker-9"))


@pytest.mark.parametrize("fault", [OperationError("not now"), RuntimeError("odd")])
async def test_what_fails_is_answered(fleet: Fleet, fault: Exception) -> None:
    page = Acts(connected(fleet), Doing(fault).perform)
    plan = (await page.plan(Wanted(Act.CLOSE)))["plan"]

    done = await page.confirm(plan)

    assert not done["well"]
    assert str(fault) in done["lines"][0]


async def test_forgotten_plans_are_bounded(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "_MOST", 3)
    page = Acts(connected(fleet), Doing().perform)
    first = (await page.plan(Wanted(Act.CLOSE)))["plan"]
    for _ in range(3):
        await page.plan(Wanted(Act.CLOSE))

    with pytest.raises(StalePlanError):
        await page.confirm(first)


async def test_a_command_under_way_is_never_forgotten(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "_MOST", 1)
    doing = Doing()
    doing.may_end.clear()
    page = Acts(connected(fleet), doing.perform)
    first = (await page.plan(Wanted(Act.CLOSE)))["plan"]
    under_way = asyncio.create_task(page.confirm(first))
    while not doing.done:
        await asyncio.sleep(0)
    for _ in range(3):
        await page.plan(Wanted(Act.CLOSE))

    again = asyncio.create_task(page.confirm(first))
    doing.may_end.set()
    assert await again == await under_way
    assert doing.done == [Wanted(Act.CLOSE)]


def test_each_act_has_words_in_both_languages_and_is_known_to_sell_or_not() -> None:
    for language in LANGUAGES:
        said = words(language)["web_control"]
        assert set(said["acts"]) == set(said["does"]) == {each.value for each in Act}
    decisions = {Act.RULES, Act.ADOPT, Act.DISMISS, Act.ACCEPT}
    assert set(Act) - SELLS - decisions == {Act.PAUSE, Act.RESUME, Act.KILL_SWITCH_OFF}
