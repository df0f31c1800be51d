"""Hosts record their strategies, and none buys by a strategy while a living host runs other code under its name."""

from dataclasses import replace

import asyncpg
import pytest

from database.verdicts import Confirmation, Verdicts
from domain.event import Event
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.rules import TradingRules
from fleet.duties.host import HostDuty
from fleet.duties.strategies import StrategyDuty
from fleet.fleet import Fleet
from reporting.sentences import words
from strategies.catalogue import BUILT_IN_CATALOGUE, Catalogue, Refused

RULES = TradingRules()


def with_sources(momentum: str) -> Catalogue:
    known = {name: replace(each, source="b" * 64) for name, each in BUILT_IN_CATALOGUE.strategies.items()}
    known["momentum"] = replace(known["momentum"], source=momentum * 64)
    return replace(BUILT_IN_CATALOGUE, strategies=known)


async def joined(fleet: Fleet, catalogue: Catalogue) -> tuple[HostDuty, StrategyDuty]:
    """Start a host that runs these strategies."""
    host = HostDuty(fleet)
    await host.look()
    return host, await StrategyDuty(fleet, catalogue, RULES).declare(host.host_id)


async def failures(fleet: Fleet) -> list[Event]:
    return [
        event
        for event in await fleet.database.events.latest(fleet.account_id, 50)
        if event.kind == EventKind.STRATEGY_FAILED
    ]


async def test_hosts_with_the_same_code_agree_and_nothing_is_reported(fleet: Fleet) -> None:
    _, one = await joined(fleet, with_sources("a"))
    _, two = await joined(fleet, with_sources("a"))
    await one.look()

    assert one.standing.objections == two.standing.objections == {}
    assert await failures(fleet) == []


async def test_other_code_stops_the_strategy_on_both_hosts_until_one_of_them_leaves(fleet: Fleet) -> None:
    first, one = await joined(fleet, with_sources("a"))
    second, two = await joined(fleet, with_sources("c"))
    for duty in (one, one, two):
        await duty.look()

    assert set(one.standing.objections) == set(two.standing.objections) == {"momentum"}
    assert f"momentum is other code on {first.host_id} (aaaaaaaa, here cccccccc)" in two.standing.objections["momentum"]
    causes = {str(event.detail["cause"]) for event in await failures(fleet)}
    assert len(causes) == 2
    assert all(words("ko").say(each) != each for each in causes)

    await second.leave()
    await one.look()
    assert one.standing.objections == {}


async def test_verdicts_that_cannot_be_read_delay_no_news_about_other_code(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = replace(fleet, environment=Environment.LIVE)
    _, one = await joined(live, with_sources("a"))
    await joined(live, with_sources("c"))
    unproven = dict(one.standing.objections)
    away = await asyncpg.create_pool(min_size=0, max_size=1)
    away.terminate()
    monkeypatch.setattr(live.database, "verdicts", Verdicts(away))

    with pytest.raises(asyncpg.InterfaceError):
        await one.look()

    assert "is other code on" not in unproven["momentum"]
    assert "is other code on" in one.standing.objections["momentum"]
    assert one.standing.objections.keys() == unproven.keys()


async def test_a_host_that_lacks_a_strategy_of_the_rules_stops_it_everywhere(fleet: Fleet) -> None:
    all_of_them = with_sources("a")
    fewer = replace(all_of_them, strategies={"volatility_breakout": all_of_them.strategies["volatility_breakout"]})
    _, one = await joined(fleet, all_of_them)
    await joined(fleet, fewer)
    await one.look()

    assert set(one.standing.objections) == {"momentum"}


async def test_what_was_refused_at_the_start_is_an_incident(fleet: Fleet) -> None:
    refused = Refused("gap", "/my/gap.py:3", "imports time")

    await joined(fleet, replace(with_sources("a"), refused=(refused,)))

    (event,) = await failures(fleet)
    assert event.detail == {"strategy": "gap", "cause": "refused: /my/gap.py:3: imports time"}


def real(fleet: Fleet) -> Fleet:
    """Return the same fleet as if it traded real money."""
    return replace(fleet, environment=Environment.LIVE)


async def test_real_money_buys_by_no_code_without_a_verdict_and_paper_by_any(fleet: Fleet) -> None:
    _, live = await joined(real(fleet), with_sources("a"))
    _, paper = await joined(replace(fleet, environment=Environment.PAPER), with_sources("a"))

    assert set(live.standing.objections) == {"momentum", "volatility_breakout"}
    assert paper.standing.objections == {}
    causes = [str(event.detail["cause"]) for event in await failures(fleet)]
    assert len(causes) == 2
    assert all("has no verdict, and real money does not buy by it" in each for each in causes)
    assert all(words("ko").say(each) != each for each in causes)


async def test_a_pass_or_a_confirmation_opens_that_source_only(fleet: Fleet) -> None:
    verdicts, judged = fleet.database.verdicts, {"backtest": "b-1", "checks": [], "figures": {}}
    await verdicts.keep({**judged, "strategy": "momentum", "source": "a" * 64, "conclusion": "pass"})
    about = Confirmation("volatility_breakout", "b" * 64, "kim", "a trial")
    await verdicts.decide(fleet.account_id, about, accepted=True)

    host, duty = await joined(real(fleet), with_sources("a"))
    assert duty.standing.objections == {}
    await host.leave()
    host, changed = await joined(real(fleet), with_sources("c"))
    assert set(changed.standing.objections) == {"momentum"}
    await host.leave()

    _, again = await joined(real(fleet), with_sources("a"))
    await verdicts.decide(fleet.account_id, replace(about, reason="over"), accepted=False)
    await again.look()
    assert set(again.standing.objections) == {"volatility_breakout"}
