"""A workflow brings looser rules than its host allows: scan, size, price and send follow the host; sales go through."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.cycles import CycleRequest
from activities.entries import NoEntry, PreparedEntry
from activities.market_data import ScanRequest
from activities.settling import CloseRequest
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.host_limits import HostLimits, ceiling_of
from domain.identity import Environment
from domain.money import Price, Rate, Won, notional
from domain.order import OrderPurpose, OrderStatus
from domain.position import ExitReason
from domain.rules import ExecutionRules, ExitRules, RiskRules, UniverseRules
from domain.tick_size import next_above
from tests.activities.desk import OPENS_AT, PLAN, Desk, HandPace
from tests.support.builders import HYNIX, SAMSUNG, WORKER, host_limits
from tests.support.stepping import ACCOUNT, RULES, a_broker, a_simulation, pinned_database

TEN_TIMES = replace(
    RULES.risk,
    capital_per_trade=Won(RULES.risk.capital_per_trade * 10),
    worker_daily_loss=Won(RULES.risk.worker_daily_loss * 10),
    fleet_daily_loss=Won(RULES.risk.fleet_daily_loss * 10),
    trades_per_worker=RULES.risk.trades_per_worker * 10,
)


async def hosted(desk: Desk, limits: HostLimits | None = None, **rules: Any) -> HostLimits:
    """Give the desk host limits: the test's rules, with some replaced."""
    limits = limits or host_limits(ceiling=ceiling_of(replace(RULES, **rules)))
    await desk.database.hosts.beat(ACCOUNT, "host", "machine", 1)
    desk.limits = await desk.database.host_limits.record(ACCOUNT, "host", limits)
    desk.rebuild()
    return desk.limits


async def test_a_workflow_with_ten_times_the_capital_buys_for_the_hosts(desk: Desk) -> None:
    await hosted(desk, risk=replace(RULES.risk, capital_per_trade=Won(1_000_000)))

    entry = await desk.prepares(risk=TEN_TIMES)

    assert isinstance(entry, PreparedEntry)
    record = await desk.submits(entry, risk=TEN_TIMES)
    assert record.status is OrderStatus.ACCEPTED
    assert 500_000 < notional(record.intent.limit_price or Price(0), record.intent.quantity) <= 1_000_000


async def test_a_buy_that_a_host_with_wider_limits_has_written_is_denied_by_the_one_that_sends(desk: Desk) -> None:
    entry = await desk.prepares(risk=TEN_TIMES)
    assert isinstance(entry, PreparedEntry)
    await hosted(desk, risk=replace(RULES.risk, capital_per_trade=Won(1_000_000)))

    record = await desk.submits(entry, risk=TEN_TIMES)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []
    (denied,) = await desk.database.events.latest(ACCOUNT, 1)
    assert denied.detail["denial"] == "CAPITAL_EXCEEDED"
    assert str(denied.detail["detail"]).endswith(" won exceeds 1,000,000 · this host's limit")


async def test_a_buy_pays_no_more_ticks_than_the_host_allows(desk: Desk) -> None:
    await hosted(desk, execution=replace(RULES.execution, entry_ticks=1))

    entry = await desk.prepares(execution=ExecutionRules(entry_ticks=20))

    assert isinstance(entry, PreparedEntry)
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    ask = next_above(desk.price())
    assert record.intent.limit_price is not None
    assert record.intent.limit_price <= next_above(ask)


async def test_a_stock_outside_the_hosts_list_is_neither_scanned_nor_bought(desk: Desk) -> None:
    await hosted(desk, universe=UniverseRules(0, (HYNIX,)))

    decision = await desk.prepares(SAMSUNG, universe=UniverseRules(0, (SAMSUNG,)))

    assert isinstance(decision, NoEntry)
    assert "SYMBOL_NOT_ALLOWED" in decision.reasons[0]


async def test_a_caller_that_brings_longer_hours_buys_in_the_hosts_only(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.plan_of = lambda at: replace(PLAN, entries_until=at)
    await hosted(desk)

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []
    (denied,) = await desk.database.events.latest(ACCOUNT, 1)
    assert denied.detail["denial"] == "OUTSIDE_ENTRY_HOURS"


async def test_a_caller_within_the_hosts_hours_buys(desk: Desk) -> None:
    desk.plan_of = lambda _: PLAN
    await hosted(desk)

    assert (await desk.submits(await desk.prepared())).status is OrderStatus.ACCEPTED


async def test_rules_above_the_hosts_are_reported_once_and_named(desk: Desk) -> None:
    await hosted(desk)
    await desk.registers()
    desk.simulation.move_clock(PLAN.entries_until)  # after this time the scan evaluates no stock
    request = ScanRequest(ACCOUNT, WORKER, replace(RULES, risk=TEN_TIMES), PLAN)

    await desk.does(desk.market_data.find_candidates, request)
    await desk.does(desk.market_data.find_candidates, request)

    events = [
        each
        for each in await desk.database.events.latest(ACCOUNT, 20)
        if each.kind == EventKind.RULES_ABOVE_HOST_LIMITS
    ]
    (event,) = events
    assert (event.level, event.worker_id) == (EventLevel.WARNING, WORKER)
    assert "risk.capital_per_trade" in str(event.detail["why"])
    assert "execution" not in str(event.detail["why"])


async def test_a_run_learns_what_its_host_allows(desk: Desk) -> None:
    limits = await hosted(desk)

    cycle = await desk.does(desk.cycles.begin_cycle, CycleRequest(ACCOUNT, WORKER, "workflow"))

    assert cycle.ceiling == limits.ceiling


async def test_a_stock_rests_as_long_as_the_host_says(desk: Desk) -> None:
    await hosted(desk, risk=replace(RULES.risk, symbol_cooldown=timedelta(minutes=30)))
    entry = await desk.buys()
    await desk.sells(entry)

    await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0)))

    later = desk.pace.now() + timedelta(minutes=29)
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, PLAN.session.date, later)
    assert SAMSUNG in snapshot.symbols_cooling_down


async def test_what_is_held_is_sold_by_a_host_that_allows_no_buy(desk: Desk) -> None:
    entry = await desk.buys()
    nothing = RiskRules(capital_per_trade=Won(1), worker_daily_loss=Won(1), fleet_daily_loss=Won(1))
    await hosted(desk, risk=nothing, universe=UniverseRules(0, ()))

    record = await desk.sells(entry)

    assert record.status is OrderStatus.FILLED
    assert record.intent.purpose is OrderPurpose.EXIT


@pytest.fixture
async def live_desk(database_url: str) -> AsyncIterator[Desk]:
    """A desk whose orders would be real money."""
    simulation = a_simulation(OPENS_AT)
    pace = HandPace(simulation)
    async with (
        pinned_database(database_url, Environment.LIVE) as database,
        a_broker(simulation, database, pace.now, environment=Environment.LIVE) as broker,
    ):
        yield Desk(simulation, database, broker, pace)


async def test_without_the_hosts_consent_no_buy_of_real_money_is_even_written(live_desk: Desk) -> None:
    await hosted(live_desk, host_limits(live_consent=False))

    decision = await live_desk.prepares()

    assert isinstance(decision, NoEntry)
    assert "LIVE_NOT_CONFIRMED" in decision.reasons[0]
    denied = (await live_desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[WORKER]
    assert denied == {"LIVE_NOT_CONFIRMED": 1}


async def test_a_host_without_recorded_limits_has_no_consent_either(live_desk: Desk) -> None:
    decision = await live_desk.prepares()

    assert isinstance(decision, NoEntry)
    assert "LIVE_NOT_CONFIRMED" in decision.reasons[0]


async def test_a_buy_of_real_money_that_is_written_already_is_denied_by_a_host_without_consent(live_desk: Desk) -> None:
    await hosted(live_desk, host_limits(live_consent=True))
    entry = await live_desk.prepared()
    await hosted(live_desk, host_limits(live_consent=False))

    record = await live_desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert live_desk.sent == []


async def test_real_money_in_hands_is_sold_by_a_host_without_consent(live_desk: Desk) -> None:
    await hosted(live_desk, host_limits(ceiling=ceiling_of(RULES), live_consent=True))
    entry = await live_desk.buys()
    await hosted(live_desk, host_limits(live_consent=False))

    assert (await live_desk.sells(entry)).status is OrderStatus.FILLED


async def test_dangerous_rules_of_a_workflow_buy_nothing_with_real_money(live_desk: Desk) -> None:
    await hosted(live_desk, host_limits(ceiling=ceiling_of(RULES), live_consent=True))
    off = ExitRules(
        stop_loss=Rate("0"),
        take_profit=Rate("0"),
        trailing_start=Rate("0"),
        trend_break=Rate("0"),
        longest_holding=timedelta(0),
    )

    decision = await live_desk.prepares(exits=off)

    assert isinstance(decision, NoEntry)
    assert "DANGER_NOT_ACCEPTED: all_exits_off" in decision.reasons[0]
    assert isinstance(await live_desk.prepares(name="sound"), PreparedEntry)
