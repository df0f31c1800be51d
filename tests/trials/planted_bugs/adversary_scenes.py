"""Scenes of the adversary's attacks on lists, links and strategies, each at one desk."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Final

from activities.resolving import ResolveRequest
from domain.errors import TradingError
from domain.market import MarketView
from domain.order import OrderIntent, OrderStatus
from domain.position import ExitReason, OpenPosition
from domain.rules import StrategyRules
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_late_fills import reconciled, traded_but_for_late_shares
from tests.activities.desk import Desk, Eager
from tests.activities.test_unlisted_orders import bought_unlisted

_OTHERS: Final = {"pdno": "Q530031", "odno": "0000099999", "rmn_qty": "", "hldg_qty": ""}
_LONG_ENOUGH: Final = 5.0
"""Real seconds; a watch that does not wait for a strategy needs a few tenths."""


async def sold_beside_odd_rows(desk: Desk) -> list[str]:
    """Every list of the account holds an unreadable row of another stock."""
    entry = await desk.buys()
    for path in ("inquire-daily-ccld", "inquire-psbl-rvsecncl", "inquire-balance"):
        desk.simulation.add_fault(kind="extra_row", path=path, fields=_OTHERS, count=0)
    try:
        record = await desk.sells(entry)
    except (TradingError, AssertionError) as why:
        return [f"scene: not sold beside odd rows: {why!r}"]
    return [] if record.status is OrderStatus.FILLED else [f"scene: {record.status} beside odd rows"]


async def bought_by_an_order_that_no_list_shows(desk: Desk) -> list[str]:
    await bought_unlisted(desk)
    return []


async def filled_further_after_its_trade_was_booked(desk: Desk) -> list[str]:
    await traded_but_for_late_shares(desk)
    await reconciled(desk)
    return []


@dataclass(frozen=True)
class _Broken(Eager):
    """An eager strategy that raises when asked about a position."""

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        raise ValueError("no such column")


@dataclass(frozen=True)
class _Hanging(Eager):
    """An eager strategy that does not answer about a position until it is released."""

    let_go: threading.Event = field(default_factory=threading.Event)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        return not self.let_go.wait()


async def stopped_out_beside_a_strategy_that_raises(desk: Desk) -> list[str]:
    return await _stopped_out(desk, _Broken())


async def stopped_out_beside_a_strategy_that_hangs(desk: Desk) -> list[str]:
    strategy = _Hanging()
    try:
        return await _stopped_out(desk, strategy)
    finally:
        strategy.let_go.set()


async def _stopped_out(desk: Desk, strategy: Eager) -> list[str]:
    desk.strategies["eager"] = strategy
    desk.rebuild()
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.1))
    try:
        signal = await asyncio.wait_for(desk.watches(entry), _LONG_ENOUGH)
    except (ValueError, TimeoutError) as why:
        return [f"scene: not watched: {why!r}"]
    return [] if signal.reason is ExitReason.STOP_LOSS else [f"scene: sold by {signal.reason}"]


async def delivered_after_the_link_was_lost(desk: Desk) -> list[str]:
    """The request is lost with its link, and the network delivers it some seconds later."""
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    entry = await desk.prepared()
    intent = (await desk.submits(entry)).intent
    desk.pace.meanwhile.extend([lambda: None] * 2 + [lambda: _arrives(desk, intent)])
    record = await desk.does(desk.resolving.resolve_order, ResolveRequest(entry.intent_id))
    while desk.pace.meanwhile:
        desk.pace.meanwhile.popleft()()
    if record.status is OrderStatus.ACCEPTED:
        await desk.follows(entry.intent_id)
    return []


def _arrives(desk: Desk, intent: OrderIntent) -> None:
    account, price = desk.broker_account.id, intent.limit_price
    assert price is not None
    request = OrderRequest(account, intent.symbol, intent.side, OrderType.LIMIT, intent.quantity, price)
    desk.simulation.place_order(request)
