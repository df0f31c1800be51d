"""Orders that wait for a person are decided on the page as on the command line."""

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from domain.identity import Environment
from domain.market import Side
from domain.order import OrderStatus
from domain.rules import TradingRules
from fleet.fleet import Fleet
from simulator.simulation import Simulation
from tests.cli.verbs.test_adopting import placed, simulation
from tests.cli.verbs.test_foreign_orders import another_program_orders
from tests.fleet.test_decisions import BRANCH, waiting
from tests.web.serving import Served, connected, nothing, served
from tests.web.test_control import commands
from web.access.passwords import Passwords, Role
from web.performing import Performer

__all__ = ["simulation"]


async def posts(page: Served, path: str, **values: str) -> httpx.Response:
    return await page.browser.post(path, content=json.dumps(values), headers=page.headers)


async def done(page: Served, **about: str) -> dict[str, object]:
    """Plan and confirm a command twice; return its outcome."""
    plan = await posts(page, "/plan", **about)
    assert plan.status_code == 200, plan.text
    first, second = [(await posts(page, "/act", plan=plan.json()["plan"])).json() for _ in range(2)]
    assert first == second
    return {**first, "says": plan.json()["says"]}


def performer(fleet: Fleet) -> Performer:
    return Performer(connected(fleet), TradingRules())


async def test_a_quarantined_order_is_listed_and_dismissed_once(fleet: Fleet, tmp_path: Path) -> None:
    record = await waiting(fleet)
    intent = record.intent.intent_id
    async with served(fleet, performer(fleet).perform, tmp_path) as page:
        (listed,) = (await page.browser.get("/decisions")).json()["quarantined"]
        assert listed["intent_id"] == intent
        answer = await done(page, act="dismiss", intent=intent, reason="not in the HTS")
        assert (await page.browser.get("/decisions")).json() == {"quarantined": [], "foreign": []}
        gone = await posts(page, "/plan", act="dismiss", intent=intent, reason="again")

    assert answer["well"], answer
    assert intent in str(answer["says"])
    assert (gone.status_code, "only a quarantined order" in gone.text) == (409, True)
    assert await commands(fleet) == [(f"dismiss {intent} --reason 'not in the HTS'", "accepted")]


async def test_a_quarantined_order_is_adopted_after_asking_the_broker(
    fleet: Fleet, tmp_path: Path, simulation: Simulation
) -> None:
    record = await waiting(fleet)
    order = placed(simulation, record.intent.quantity)
    about = {"act": "adopt", "intent": record.intent.intent_id, "branch": BRANCH, "reason": "HTS"}
    async with served(fleet, performer(fleet).perform, tmp_path) as page:
        wrong = await done(page, **about, number="77")
        right = await done(page, **about, number=order.number)

    assert (wrong["well"], "the broker lists no" in str(wrong["lines"])) == (False, True)
    assert right["well"], right
    adopted = await fleet.database.orders.get(record.intent.intent_id)
    assert adopted is not None
    assert adopted.status is OrderStatus.ACCEPTED
    assert [outcome for _, outcome in await commands(fleet)] == ["refused", "accepted"]


async def test_orders_of_another_program_are_accepted_by_number_or_all(fleet: Fleet, tmp_path: Path) -> None:
    await another_program_orders(fleet, "0000000007", "0000000008", "0000000009")
    async with served(fleet, performer(fleet).perform, tmp_path) as page:
        assert len((await page.browser.get("/decisions")).json()["foreign"]) == 3
        one = await done(page, act="foreign-orders accept", number="0000000007", reason="my own script")
        rest = await done(page, act="foreign-orders accept", number="all", reason="my own script")
        none = await posts(page, "/plan", act="foreign-orders accept", number="1", reason="my own script")

    assert (len(one["says"]), len(rest["says"])) == (1, 2)  # type: ignore[arg-type]
    assert none.status_code == 409
    assert [command for command, _ in await commands(fleet)] == [
        "foreign-orders accept 0000000007 --reason 'my own script'",
        "foreign-orders accept all --reason 'my own script'",
    ]


@pytest.mark.parametrize("lacks", ["intent", "reason"])
async def test_a_decision_without_its_details_is_refused(fleet: Fleet, tmp_path: Path, lacks: str) -> None:
    whole = {"act": "dismiss", "intent": "i-1", "reason": "why"}
    async with served(fleet, nothing, tmp_path) as page:
        assert (await posts(page, "/plan", **{**whole, lacks: "  "})).status_code == 400


async def test_real_money_asks_for_the_password_about_a_buy_and_never_about_a_sale(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await waiting(fleet)
    passwords = Passwords(tmp_path / "kept")
    passwords.put(Role.OPERATOR, "a long enough password")
    about = {"act": "dismiss", "intent": record.intent.intent_id, "reason": "not in the HTS"}
    async with served(replace(fleet, environment=Environment.LIVE), nothing, tmp_path, passwords=passwords) as page:
        buys = (await posts(page, "/plan", **about)).json()

        async def a_sale(_: object) -> object:
            return replace(record, intent=replace(record.intent, side=Side.SELL))

        monkeypatch.setattr(fleet.database.orders, "get", a_sale)
        sells = (await posts(page, "/plan", **about)).json()
    assert (buys["needs_password"], sells["needs_password"]) == (True, False)
