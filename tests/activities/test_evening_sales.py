"""Selling when no market is open, with the real client: the states of docs/krx.md §4, by rung (R16, F28)."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import pytest

from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import MarketShut, PreparedExit
from activities.support.requests import SessionRequest
from activities.unsold import UnsoldActivities
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import IntentId
from domain.ladder import Ladder, Rung, Tries, Wait
from domain.market import TradingFlag
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from domain.rules import TradingRules
from domain.session import session_date_of
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, RULES, kst

EVENINGS: Final = replace(RULES, execution=replace(RULES.execution, after_market=True))
AT_MARKET: Final = Tries(orders=RULES.execution.exit_limit_attempts)
FILLED, CANCELLED, REJECTED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED


@dataclass
class Sale:
    """A position on its way down the ladder; ``steps`` lists each order's rung and outcome."""

    desk: Desk
    entry: PreparedEntry
    rules: TradingRules = EVENINGS
    tries: Tries = AT_MARKET
    steps: list[tuple[Rung, OrderStatus]] = field(default_factory=list)

    @property
    def ladder(self) -> Ladder:
        return Ladder(PLAN.session, self.rules.execution, self.desk.pace.clock)

    async def goes_on_until(self, text: str) -> OrderRecord | MarketShut | None:
        """Send one order after the other, each proven closed before the next, until sold, closed or a time (KST)."""
        while self.desk.pace.now() < kst(text):
            name = IntentId(f"{self.entry.intent_id}/{len(self.steps)}/{self.desk.pace.now():%d%H%M%S}")
            request = self.desk.exit_of(self.entry, tries=self.tries, intent_id=name, rules=self.rules)
            decision = await self.desk.does(self.desk.selling.prepare_exit, request)
            if isinstance(decision, MarketShut):
                return decision
            if isinstance(decision, Wait):
                self.desk.simulation.move_clock(decision.until)
                continue
            assert isinstance(decision, PreparedExit), decision
            record = await self.stands(decision)
            self.steps.append((decision.rung, record.status))
            self.tries = self.tries.after(decision.rung, refused=record.status is REJECTED)
            if record.status is FILLED:
                return record
            if record.status is REJECTED:
                self.desk.passes(seconds=self.ladder.pause_after_refusal(self.desk.pace.now(), self.tries).seconds)
        return None

    async def stands(self, sale: PreparedExit) -> OrderRecord:
        """Leave the order until a better one is possible, then withdraw it and prove its end."""
        now = self.desk.pace.now()
        patience = self.ladder.patience(sale.rung, now, self.tries)
        record = await self.desk.submits(sale, OrderPurpose.EXIT)
        if record.status is REJECTED:
            return record
        step = patience / 20
        for _ in range(20):
            self.desk.passes(seconds=step.total_seconds())
            record = await self.desk.follows(sale.intent_id, timedelta(0))
            if not record.is_active:
                return record
        await self.desk.does(self.desk.orders.cancel_order, sale.intent_id)
        return await self.desk.follows(sale.intent_id)


async def a_sale(desk: Desk, at: str, rules: TradingRules = EVENINGS) -> Sale:
    entry = await desk.buys()
    desk.simulation.move_clock(kst(f"2026-11-23 {at}"))
    return Sale(desk, entry, rules)


def locked_at_the_lower_limit(desk: Desk) -> None:
    limits = desk.simulation.exchange.snapshot(SAMSUNG, desk.pace.now()).limits
    desk.simulation.force_price(SAMSUNG, limits.lower, volume=0)


async def test_an_evening_sale_without_a_price_waits_because_the_evening_takes_no_market_order(desk: Desk) -> None:
    sale = await a_sale(desk, "16:05")
    desk.simulation.add_fault(kind="http_error", path="quotations", count=0)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(sale.entry, tries=AT_MARKET, rules=EVENINGS))

    assert isinstance(decision, Wait)
    assert len(await desk.database.orders.of_position(sale.entry.position_id)) == 1


async def test_what_is_left_in_the_closing_auction_trades_at_the_closing_price(desk: Desk) -> None:
    sale = await a_sale(desk, "15:21", rules=RULES)
    sale.tries = Tries()

    record = await sale.goes_on_until("2026-11-23 15:40")

    assert sale.steps == [(Rung.MARKET, FILLED)]
    assert isinstance(record, OrderRecord)
    assert record.average_price == desk.price()


async def test_a_lower_limit_lock_keeps_one_place_in_the_queue_then_goes_to_the_close_price_and_the_evening(
    desk: Desk,
) -> None:
    sale = await a_sale(desk, "15:15")
    locked_at_the_lower_limit(desk)
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)

    assert await sale.goes_on_until("2026-11-23 16:05") is None
    desk.simulation.set_conditions(SAMSUNG, no_bids=False)
    record = await sale.goes_on_until("2026-11-23 20:00")

    assert sale.steps[:2] == [(Rung.MARKET, CANCELLED), (Rung.POST_CLOSE, CANCELLED)]
    assert {rung for rung, _ in sale.steps[2:]} == {Rung.AFTER_MARKET}
    assert isinstance(record, OrderRecord)
    assert record.filled_quantity == sale.entry.quantity
    assert not any(order.remaining for order in desk.sent)


async def test_a_position_that_no_market_of_the_day_takes_is_carried(desk: Desk) -> None:
    sale = await a_sale(desk, "15:25", rules=RULES)
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)

    assert await sale.goes_on_until("2026-11-23 23:00") == MarketShut()

    assert sale.steps == [(Rung.MARKET, CANCELLED), (Rung.POST_CLOSE, CANCELLED)]
    assert desk.pace.now() < kst("2026-11-23 16:01")
    assert (await desk.holding(sale.entry.position_id)).quantity == sale.entry.quantity


async def test_a_halt_that_is_lifted_after_the_close_is_sold_at_the_closing_price(desk: Desk) -> None:
    sale = await a_sale(desk, "15:29")
    desk.simulation.set_conditions(SAMSUNG, halted=True)

    assert await sale.goes_on_until("2026-11-23 15:31") is None
    desk.simulation.set_conditions(SAMSUNG, halted=False)
    record = await sale.goes_on_until("2026-11-23 16:00")

    assert {status for _, status in sale.steps[:-1]} == {REJECTED}
    assert {Rung.MARKET, Rung.POST_CLOSE} == {rung for rung, _ in sale.steps[:-1]}
    assert sale.steps[-1] == (Rung.POST_CLOSE, FILLED)
    assert isinstance(record, OrderRecord)
    assert record.average_price == desk.price()


async def test_a_volatility_interruption_takes_the_order_and_trades_it_afterwards(desk: Desk) -> None:
    sale = await a_sale(desk, "15:10")
    desk.simulation.set_conditions(SAMSUNG, interrupted=True)
    prepared = await desk.does(desk.selling.prepare_exit, desk.exit_of(sale.entry, tries=AT_MARKET))
    assert isinstance(prepared, PreparedExit)

    record = await desk.submits(prepared, OrderPurpose.EXIT)
    desk.passes(minutes=2)
    waiting = await desk.follows(prepared.intent_id, timedelta(0))
    desk.simulation.set_conditions(SAMSUNG, interrupted=False)
    traded = await desk.follows(prepared.intent_id)

    assert (record.status, waiting.filled_quantity, traded.status) == (OrderStatus.ACCEPTED, 0, FILLED)


async def test_a_circuit_breaker_refuses_for_twenty_minutes_and_trades_in_the_auction_after_thirty(desk: Desk) -> None:
    sale = await a_sale(desk, "14:00")
    desk.simulation.break_circuit(1)

    assert await sale.goes_on_until("2026-11-23 14:19") is None
    record = await sale.goes_on_until("2026-11-23 15:00")

    assert {status for _, status in sale.steps[:-1]} == {REJECTED}
    assert isinstance(record, OrderRecord)
    assert all(fill.at >= kst("2026-11-23 14:30") for fill in desk.sent[-1].fills)


async def test_a_stock_that_takes_no_market_orders_is_offered_at_the_lower_limit(desk: Desk) -> None:
    sale = await a_sale(desk, "15:10")
    desk.simulation.set_conditions(SAMSUNG, flags=[TradingFlag.OVERHEATED.value])

    record = await sale.goes_on_until("2026-11-23 15:15")

    assert sale.steps == [(Rung.MARKET, REJECTED), (Rung.LOWER_LIMIT, FILLED)]
    assert isinstance(record, OrderRecord)
    assert record.intent.limit_price == desk.simulation.exchange.snapshot(SAMSUNG, desk.pace.now()).limits.lower
    assert record.average_price > record.intent.limit_price


@pytest.mark.parametrize("listed_price", ["0", None], ids=["listed without a price", "listed with the closing price"])
async def test_a_post_close_order_whose_reply_was_lost_is_found(desk: Desk, listed_price: str | None) -> None:
    sale = await a_sale(desk, "15:35")
    prepared = await desk.does(desk.selling.prepare_exit, desk.exit_of(sale.entry))
    assert isinstance(prepared, PreparedExit)
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="sell")
    lost = await desk.submits(prepared, OrderPurpose.EXIT)
    if listed_price is not None:
        for order in desk.side_of(lost.intent.side):
            order.price = 0

    found = await desk.does(desk.resolving.resolve_order, ResolveRequest(prepared.intent_id))

    assert (prepared.rung, lost.status, found.status) == (
        Rung.POST_CLOSE,
        OrderStatus.UNKNOWN,
        OrderStatus.ACCEPTED,
    )


@pytest.mark.parametrize(
    ("conditions", "why"), [({"halted": True}, "halted"), ({"no_bids": True}, "no bids"), ({}, "too few bids")]
)
async def test_what_the_session_has_left_is_reported_once_with_the_reason(
    desk: Desk, conditions: dict[str, bool], why: str
) -> None:
    await a_sale(desk, "15:19:50")
    desk.simulation.set_conditions(SAMSUNG, **conditions)
    unsold = UnsoldActivities(desk.broker, desk.database, desk.pace)
    date = session_date_of(desk.pace.now())

    lines = await desk.does(unsold.report_unsold, SessionRequest(ACCOUNT, date))
    await desk.does(unsold.report_unsold, SessionRequest(ACCOUNT, date))

    (event,) = [
        each
        for each in await desk.database.events.latest(ACCOUNT, 50)
        if each.kind == EventKind.POSITION_UNSOLD_AT_CLOSE
    ]
    assert (event.level, event.symbol, event.detail["why"]) == (EventLevel.CRITICAL, SAMSUNG, why)
    assert lines[0].endswith(why)
