"""Rules and decisions on the page reach the workers and the books as on the command line, with the same audit rows."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.identity import Environment, WorkerId
from domain.rules import TradingRules
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.support.running_fleet import Hosted
from tests.web.serving import Served, connected, served
from web.access.passwords import Passwords, Role
from web.performing import Performer

WORKER = WorkerId("worker-1")


@pytest.fixture
async def page(hosted: Hosted, tmp_path: Path) -> AsyncIterator[Served]:
    fleet = hosted.fleet
    await start_workers(fleet, 2, TradingRules())
    performer = Performer(connected(fleet), TradingRules())
    async with served(fleet, performer.perform, tmp_path) as found:
        yield found


async def posts(page: Served, path: str, **values: str) -> httpx.Response:
    return await page.browser.post(path, content=json.dumps(values), headers=page.headers)


async def commands(fleet: Fleet) -> list[tuple[object, object]]:
    """Return the audit rows' commands with their outcomes, without logins, oldest first."""
    events = await fleet.database.events.latest(fleet.account_id, 50)
    rows = [each.detail for each in reversed(events) if each.kind == "operator_command"]
    return [(each["command"], each["outcome"]) for each in rows if not str(each["command"]).startswith("web ")]


@pytest.mark.slow
async def test_a_rule_is_shown_planned_changed_and_recorded(page: Served, hosted: Hosted) -> None:
    shown = (await page.browser.get("/rules")).json()
    stops = [rule["value"] for each in shown for rule in each["rules"] if rule["name"] == "exits.stop_loss"]
    assert ([each["worker"] for each in shown], stops) == (["worker-1", "worker-2"], ["3%", "3%"])

    about = {"act": "rules", "worker": WORKER, "rule": "exits.stop_loss", "value": "2%"}
    plan = (await posts(page, "/plan", **about)).json()
    assert plan["says"] == ["worker-1: exits.stop_loss 3% → 2%"]
    assert (plan["sells"], plan["workers"], plan["needs_password"]) == (False, 1, False)
    done = (await posts(page, "/act", plan=plan["plan"])).json()
    again = (await posts(page, "/act", plan=plan["plan"])).json()

    assert done["well"], done
    assert again == done
    (now,) = (await page.browser.get("/rules", params={"worker": WORKER})).json()
    assert now["version"] == 2, "changed once"
    assert await commands(hosted.fleet) == [("rules worker-1 exits.stop_loss=2%", "accepted")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "value", "says"),
    [
        ("exits.stop_los", "2%", "did you mean exits.stop_loss?"),
        ("exits.stop_loss", "2", "a rate needs a percent sign; write 2%"),
        ("exits.stop_loss", "-3%", "must be within 0%..30%"),
        ("risk.worker_daily_loss", "9,000,000", "must not exceed risk.fleet_daily_loss"),
        ("nonsense", "1", "is not a rule"),
    ],
)
async def test_a_wrong_rule_says_what_to_write_and_changes_nothing(
    page: Served, hosted: Hosted, rule: str, value: str, says: str
) -> None:
    refused = await posts(page, "/plan", act="rules", worker="all", rule=rule, value=value)

    assert (refused.status_code, says in refused.json()["error"]) == (409, True), refused.text
    assert await commands(hosted.fleet) == []


@pytest.mark.slow
async def test_a_stop_switched_off_and_workers_without_an_answer_are_named(fleet: Fleet, tmp_path: Path) -> None:
    await start_workers(fleet, 1, TradingRules())
    async with served(fleet, Performer(connected(fleet), TradingRules()).perform, tmp_path) as page:
        plan = (await posts(page, "/plan", act="rules", rule="exits.stop_loss", value="0%")).json()

    assert "worker-1: exits.stop_loss 3% → 0% (does not answer" in plan["says"][0]
    assert "switches the stop off" in plan["says"][1]


@pytest.mark.slow
async def test_real_money_asks_for_the_password_before_a_rule_that_enlarges(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def harmless(*_: Any) -> None:
        """Leave the dangers of real money, which need an account, to their own tests."""

    monkeypatch.setattr("web.commands.rules.refuse_dangerous_changes", harmless)
    await start_workers(hosted.fleet, 1, TradingRules())
    live, passwords = replace(hosted.fleet, environment=Environment.LIVE), Passwords(tmp_path / "kept")
    passwords.put(Role.OPERATOR, "a long enough password")
    performer = Performer(connected(hosted.fleet), TradingRules())
    async with served(live, performer.perform, tmp_path, passwords=passwords) as page:
        about = {"act": "rules", "rule": "risk.capital_per_trade"}
        more = (await posts(page, "/plan", **about, value="6,000,000")).json()
        less = (await posts(page, "/plan", **about, value="4,000,000")).json()
        assert (more["needs_password"], less["needs_password"]) == (True, False)
        assert (await posts(page, "/act", plan=more["plan"])).status_code == 403
        assert (await posts(page, "/act", plan=less["plan"])).status_code == 200
    assert await commands(hosted.fleet) == [("rules all risk.capital_per_trade=4,000,000", "accepted")]


@pytest.mark.slow
async def test_real_money_asks_for_the_password_while_a_worker_does_not_say_its_rules(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its capital may have been lowered below that of the settings: less than those can be more than it has."""

    async def harmless(*_: Any) -> None:
        """Leave the dangers of real money, which need an account, to their own tests."""

    monkeypatch.setattr("web.commands.rules.refuse_dangerous_changes", harmless)
    await start_workers(fleet, 1, TradingRules())
    live, passwords = replace(fleet, environment=Environment.LIVE), Passwords(tmp_path / "kept")
    passwords.put(Role.OPERATOR, "a long enough password")
    async with served(live, Performer(connected(fleet), TradingRules()).perform, tmp_path, passwords=passwords) as page:
        about = {"act": "rules", "rule": "risk.capital_per_trade", "value": "4,000,000"}
        plan = (await posts(page, "/plan", **about)).json()

    assert "does not answer" in plan["says"][0]
    assert plan["needs_password"]


@pytest.mark.slow
async def test_a_change_that_enlarges_only_since_its_plan_is_asked_for_again(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def harmless(*_: Any) -> None:
        """Leave the dangers of real money, which need an account, to their own tests."""

    monkeypatch.setattr("web.commands.rules.refuse_dangerous_changes", harmless)
    await start_workers(hosted.fleet, 1, TradingRules())
    live, passwords = replace(hosted.fleet, environment=Environment.LIVE), Passwords(tmp_path / "kept")
    passwords.put(Role.OPERATOR, "a long enough password")
    performer = Performer(connected(hosted.fleet), TradingRules())
    async with served(live, performer.perform, tmp_path, passwords=passwords) as page:
        about = {"act": "rules", "rule": "risk.capital_per_trade"}
        less = (await posts(page, "/plan", **about, value="4,000,000")).json()
        least = (await posts(page, "/plan", **about, value="1,000,000")).json()
        assert (await posts(page, "/act", plan=least["plan"])).status_code == 200

        assert (await posts(page, "/act", plan=less["plan"])).status_code == 409

        again = (await posts(page, "/plan", **about, value="4,000,000")).json()
        assert again["needs_password"]
        done = await posts(page, "/act", plan=again["plan"], password="a long enough password")
        assert (done.status_code, done.json()["well"]) == (200, True)
    sent = [command for command, _ in await commands(hosted.fleet)]
    assert sent == [f"rules all risk.capital_per_trade={value}" for value in ("1,000,000", "4,000,000")]
