"""Immediately before a purchase Haru checks flags, price and strategy again; changes since the scan count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.entries import EntryDecision, NoEntry, PreparedEntry
from activities.market.quote_feed import QuoteFeed
from domain.identity import WorkerId
from domain.lane import Lane
from domain.lock import Lease
from domain.market import MarketView, Quote, Symbol
from domain.money import Price
from domain.order import OrderStatus
from domain.position import OpenPosition
from domain.rules import ScreeningRules, StrategyRules, UniverseRules
from domain.screening import Candidate
from domain.strategy import EntrySignal
from tests.activities.desk import PLAN, Desk
from tests.broker.parts import a_many_row, success
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, RULES

RIVAL = WorkerId("worker-2")


@dataclass(frozen=True)
class Thrifty:
    """Strategy that buys up to a price; optionally it requires a known price history."""

    most: int
    least_samples: int = 0
    name: str = "thrifty"
    version: str = "2"

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        return {}

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        if view.quote.price > self.most or len(view.recent) < self.least_samples:
            return None
        return EntrySignal(self.name, self.version, Decimal("0.5"), f"cheap at {view.quote.price}")

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        return False


async def scanned(desk: Desk, strategy: Thrifty) -> Candidate:
    """Let a strategy find the one candidate of a scan."""
    desk.strategies = {"thrifty": strategy}
    desk.rebuild()
    await desk.registers()
    rules = {"strategy": replace(RULES.strategy, names=("thrifty",)), "universe": UniverseRules(0, (SAMSUNG,))}
    (candidate,) = (await desk.does(desk.market_data.scan, desk.scan_request(**rules))).candidates
    return candidate


async def decision_on(desk: Desk, *candidates: Candidate, **rules: Any) -> EntryDecision:
    request = replace(desk.entry_request(**rules), candidates=candidates)
    return await desk.does(desk.entries.prepare_entry, request)


async def test_a_candidate_whose_strategy_says_no_at_the_present_price_is_not_bought(desk: Desk) -> None:
    price = desk.price()
    candidate = await scanned(desk, Thrifty(most=price + 1_000))
    desk.price_moves(0.08)
    desk.passes(seconds=1)

    decision = await decision_on(desk, candidate)

    assert isinstance(decision, NoEntry), decision
    assert decision.reasons[0].startswith(f"{SAMSUNG}: thrifty no longer signals a buy at ")
    assert decision.reasons[0].endswith(f", scanned at {candidate.price:,}")
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_what_the_strategy_says_now_is_what_is_written_down(desk: Desk) -> None:
    candidate = await scanned(desk, Thrifty(most=10**6))
    desk.price_moves(0.01)
    desk.passes(seconds=1)

    entry = await decision_on(desk, candidate)

    assert isinstance(entry, PreparedEntry), entry
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.intent.decision_price > candidate.price
    assert record.intent.reason == f"cheap at {record.intent.decision_price}"


@pytest.mark.parametrize("flag", ["volatility_interruption", "halted", "warned"])
async def test_a_flag_that_was_raised_since_the_scan_counts(desk: Desk, flag: str) -> None:
    candidate = await scanned(desk, Thrifty(most=10**6))
    desk.simulation.set_conditions(SAMSUNG, flags=[flag])
    desk.passes(seconds=2)

    decision = await decision_on(desk, candidate)

    assert decision == NoEntry((f"{SAMSUNG}: flagged {flag}",))


async def test_a_stock_that_a_filter_would_drop_by_now_is_not_bought(desk: Desk) -> None:
    candidate = await scanned(desk, Thrifty(most=10**6))

    decision = await decision_on(desk, candidate, screening=ScreeningRules(greatest_price=Price(1_001)))

    assert decision == NoEntry((f"{SAMSUNG}: dropped by price_range",))


async def test_a_custom_filter_that_refuses_by_now_counts(desk: Desk) -> None:
    candidate = await scanned(desk, Thrifty(most=10**6))
    desk.price_moves(-0.2, SAMSUNG)
    desk.passes(seconds=1)

    decision = await decision_on(desk, candidate, screening=ScreeningRules(custom_filters=("rising",)))

    assert decision == NoEntry((f"{SAMSUNG}: refused by filter rising",))


@pytest.mark.parametrize(("moved", "bought"), [(0.002, True), (0.03, False), (-0.03, False)])
async def test_a_process_that_has_not_followed_the_stock_buys_at_about_the_price_of_the_scan(
    desk: Desk, moved: float, bought: bool
) -> None:
    """The strategy needs a price history that only the scanning process has; here no signal is not a refusal."""
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    for _ in range(3):
        await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.SCAN)
        desk.passes(minutes=5)
    strategy = Thrifty(most=10**6, least_samples=1)
    candidate = replace(await scanned(desk, strategy), known_since=desk.pace.now() - timedelta(minutes=15))
    desk.strategies = {"thrifty": replace(strategy, least_samples=3)}
    desk.rebuild()
    desk.simulation.force_price(SAMSUNG, round(desk.price() * (1 + moved)), natural=False)
    desk.passes(seconds=1)

    decision = await decision_on(desk, candidate)

    assert isinstance(decision, PreparedEntry) == bought, decision
    if isinstance(decision, NoEntry):
        assert decision.reasons[0].startswith(f"{SAMSUNG}: the price has moved: at ")


async def test_a_decision_that_has_waited_too_long_is_not_sent(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.passes(seconds=11)

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []
    denials = await desk.database.events.denials_on(ACCOUNT, PLAN.session.date)
    assert denials[WORKER] == {"DECISION_TOO_OLD": 1}


async def test_a_decision_that_has_waited_a_little_is_sent(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.passes(seconds=9)

    record = await desk.submits(entry)

    assert record.status is not OrderStatus.DENIED
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"inter2_prpr": "9999999"}, "outside_limits"),
        ({"inter2_prpr": "1"}, "outside_limits"),
        ({"inter2_bidp": "70700", "inter2_askp": "70600"}, "crossed"),
    ],
)
async def test_a_price_that_cannot_be_is_not_bought_at(desk: Desk, row: dict[str, str], problem: str) -> None:
    body = success(output=[a_many_row(**row)]).text
    desk.simulation.add_fault(kind="garbage", path="intstock-multprice", count=0, body=body)

    assert await desk.prepares() == NoEntry((f"{SAMSUNG}: quote {problem}",))


@dataclass
class Late:
    """The real broker with prices that arrive long after they were quoted."""

    desk: Desk
    seconds: float

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk.broker, name)

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        found = await self.desk.broker.quotes(symbols, lane)
        self.desk.passes(seconds=self.seconds)
        return found


@pytest.mark.parametrize(("seconds", "bought"), [(4, True), (6, False)])
async def test_a_price_that_arrives_too_late_is_not_bought_at(desk: Desk, seconds: float, bought: bool) -> None:
    feed = QuoteFeed(Late(desk, seconds), desk.pace)
    desk.entries._feed = desk.entries._last_look._feed = feed

    decision = await desk.prepares()

    assert isinstance(decision, PreparedEntry) == bought
    assert bought or decision == NoEntry((f"{SAMSUNG}: quote stale",))


async def test_an_order_prepared_under_a_lock_that_was_lost_is_withdrawn_and_another_stock_can_be_bought(
    desk: Desk,
) -> None:
    mine = await desk.prepared(SAMSUNG)
    await desk.database.locks.release(mine.lease)
    taken = await desk.database.locks.take_over(ACCOUNT, SAMSUNG, RIVAL)
    assert isinstance(taken, Lease)

    again = await desk.prepares(SAMSUNG)
    other = await desk.prepares(HYNIX, name="worker-1.2")

    assert again == NoEntry((f"{SAMSUNG}: lock lost after the order was prepared",))
    record = await desk.database.orders.get(mine.intent_id)
    assert record is not None
    assert record.status is OrderStatus.NEVER_PLACED
    assert isinstance(other, PreparedEntry), other
    assert desk.sent == []


async def test_an_order_that_another_worker_has_taken_over_is_left_to_it(desk: Desk) -> None:
    mine = await desk.prepared(SAMSUNG)
    await desk.registers(RIVAL)
    await desk.database.locks.release(mine.lease)
    assert await desk.database.locks.adopt_orphan(ACCOUNT, SAMSUNG, RIVAL) is not None

    again = await desk.prepares(SAMSUNG)

    assert again == NoEntry((f"{SAMSUNG}: lock lost after the order was prepared",))
    record = await desk.database.orders.get(mine.intent_id)
    assert record is not None
    assert record.status is OrderStatus.INTENDED
