"""Pages that plan the same command share it: it is done once, and each page gets the outcome."""

import asyncio
from pathlib import Path

import pytest

from domain.rules import TradingRules
from fleet.fleet import Fleet
from tests.web.serving import connected
from tests.web.test_acts import Doing
from tests.web.test_performing import commands
from web.commands.acts import Acts
from web.commands.wanted import Act, Wanted
from web.connection import Connection
from web.performing import Performer


async def test_two_plans_of_one_command_are_one_command(fleet: Fleet) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    first, second = [(await page.plan(Wanted(Act.CLOSE, client=each)))["plan"] for each in ("web a", "web b")]

    done = await page.confirm(first)
    also = await page.confirm(second)

    assert (done, also) == ({"well": True, "lines": ["1"]}, {"well": True, "lines": ["1"], "another": also["another"]})
    assert await page.confirm(first) == done
    assert len(doing.done) == 1


async def test_a_plan_during_the_command_joins_it_and_one_after_it_repeats_it(fleet: Fleet) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    first = (await page.plan(Wanted(Act.KILL_SWITCH_ON)))["plan"]
    doing.may_end.clear()
    under_way = asyncio.create_task(page.confirm(first))
    while not doing.done:
        await asyncio.sleep(0)
    during = (await page.plan(Wanted(Act.KILL_SWITCH_ON)))["plan"]
    joins = asyncio.create_task(page.confirm(during))
    doing.may_end.set()
    assert (await joins)["lines"] == (await under_way)["lines"] == ["1"]

    after = (await page.plan(Wanted(Act.KILL_SWITCH_ON)))["plan"]
    assert (await page.confirm(after))["lines"] == ["2"]


async def test_other_details_are_another_command(fleet: Fleet) -> None:
    doing = Doing()
    page = Acts(connected(fleet), doing.perform)
    wanted = [Wanted(act) for act in (Act.CLOSE, Act.KILL_SWITCH_ON)]
    for each in [(await page.plan(each))["plan"] for each in wanted]:
        await page.confirm(each)
    assert doing.done == wanted


async def test_the_kill_switch_is_planned_and_pressed_while_the_books_are_away(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionRefusedError("the database is away")

    monkeypatch.setattr(fleet.database.positions, "held_in", away)
    monkeypatch.setattr(fleet.database.risk, "state", away)
    performer = Performer(connected(fleet), TradingRules(), connected(fleet)._opens)
    page = Acts(connected(fleet), performer.perform)
    with pytest.raises(ConnectionRefusedError):
        await page.plan(Wanted(Act.CLOSE))

    plan = await page.plan(Wanted(Act.KILL_SWITCH_ON))
    done = await page.confirm(plan["plan"])

    assert "PostgreSQL is away" in plan["says"][0]
    assert (done["well"], "may not be on in the books" in done["lines"][0]) == (False, True)
    assert await commands(fleet) == [("kill-switch on", "failed")]


async def test_a_fleet_that_cannot_be_opened_is_opened_without_its_books_for_the_kill_switch(
    fleet: Fleet, tmp_path: Path
) -> None:
    def gone() -> object:
        raise ConnectionRefusedError("the database is away")

    connection = Connection(gone)  # type: ignore[arg-type]
    performer = Performer(connection, TradingRules(), connected(fleet)._opens)
    pressed = await performer.perform(Wanted(Act.KILL_SWITCH_ON))
    assert pressed["lines"][0].startswith("Kill switch on")
    with pytest.raises(ConnectionRefusedError):
        await performer.perform(Wanted(Act.KILL_SWITCH_OFF))
