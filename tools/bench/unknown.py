"""An order whose reply or request was lost: time until it is proven placed or absent."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Final

from domain.event_kind import EventKind
from domain.market import Side
from fleet.fleet import Fleet
from tools.bench.figures import Figure
from tools.bench.stack import Stack, Trader, until

_ORDER: Final = "trading/order-cash"
_LISTS: Final = "inquire-daily-ccld"
_LAG: Final = 5.0
_WORKERS: Final = 4
_LOST_REPLY: Final[Mapping[str, Any]] = {"kind": "drop_reply_after", "path": _ORDER}
_LOST_REQUEST: Final[Mapping[str, Any]] = {"kind": "drop_before", "path": _ORDER}

Lose = Callable[[Stack, Trader], Coroutine[Any, Any, list[float]]]


async def measure(stack: Stack) -> list[Figure]:
    """Lose replies to buys and sales, with an up-to-date and with a lagging list; then lose requests."""
    await stack.host_by(1)
    traders = await stack.traders(1 if stack.quick else _WORKERS)
    at_once = await _rounds(stack, traders, _lose_replies, 1 if stack.quick else 2)
    lagging: list[float] = []
    absent: list[float] = []
    if not stack.quick:
        await stack.market.breaks(kind="lag_orders", path=_LISTS, seconds=_LAG, count=0)
        lagging = await _rounds(stack, traders, _lose_replies, 1)
        await stack.market.restore()
        absent = await _rounds(stack, traders, _lose_request, 1)
    return [
        Figure("unknown", "reply lost → adopted, the list shows it at once", "s", tuple(at_once)),
        Figure("unknown", f"reply lost → adopted, the list lags {_LAG:.0f} s", "s", tuple(lagging), floor=_LAG),
        Figure("unknown", "request lost → proven absent", "s", tuple(absent)),
    ]


async def _rounds(stack: Stack, traders: list[Trader], lose: Lose, rounds: int) -> list[float]:
    """Let every worker lose orders at the same time. They share the budget, as in production."""
    took: list[float] = []
    for _ in range(rounds):
        for seconds in await asyncio.gather(*(lose(stack, trader) for trader in traders)):
            took += seconds
    return took


async def _lose_replies(stack: Stack, trader: Trader) -> list[float]:
    """Lose the reply to a buy, then to the sale of the bought shares."""
    await stack.market.breaks(**_LOST_REPLY, side="buy", symbol=trader.symbol)
    bought = await _proof_after(stack, trader, EventKind.ORDER_ADOPTED, lambda: stack.until_holding(trader))
    await stack.market.breaks(**_LOST_REPLY, side="sell", symbol=trader.symbol)
    sold = await _proof_after(stack, trader, EventKind.ORDER_ADOPTED, lambda: _sell(stack, trader))
    return [
        _since_arrival(bought, [each.at for each in await stack.market.arrivals(trader.symbol, Side.BUY)]),
        _since_arrival(sold, [each.at for each in await stack.market.arrivals(trader.symbol, Side.SELL)]),
    ]


async def _lose_request(stack: Stack, trader: Trader) -> list[float]:
    """Lose a request to buy. Once it is proven absent, the worker buys again; that position is sold."""
    await stack.market.breaks(**_LOST_REQUEST, side="buy", symbol=trader.symbol)
    absent = await _proof_after(stack, trader, EventKind.ORDER_PROVEN_ABSENT, lambda: stack.market.rises(trader.symbol))
    sent = await _sent_before(stack.fleet, trader, absent)
    await stack.until_holding(trader)
    await _sell(stack, trader)
    return [(absent - sent).total_seconds()]


async def _sell(stack: Stack, trader: Trader) -> None:
    await stack.market.falls(trader.symbol)
    await stack.until_flat(trader)


async def _proof_after(
    stack: Stack, trader: Trader, kind: str, act: Callable[[], Coroutine[Any, Any, object]]
) -> datetime:
    """Act, and return when (real time) the resulting proof of that kind was written."""
    before = len(await _proofs(stack.fleet, trader, kind))
    await act()

    async def is_proven() -> bool:
        return len(await _proofs(stack.fleet, trader, kind)) > before

    await until(is_proven, f"{kind} of {trader.symbol}")
    return (await _proofs(stack.fleet, trader, kind))[before]


async def _proofs(fleet: Fleet, trader: Trader, kind: str) -> list[datetime]:
    date = fleet.plan_at(fleet.market_now()).session.date
    events = await fleet.database.audit.events_on(fleet.account_id, date)
    return sorted(each.recorded_at for each in events if each.event.kind == kind and each.event.symbol == trader.symbol)


async def _sent_before(fleet: Fleet, trader: Trader, instant: datetime) -> datetime:
    """Return when the worker's last order before an instant was sent."""
    date = fleet.plan_at(fleet.market_now()).session.date
    orders = await fleet.database.audit.orders_on(fleet.account_id, date)
    return max(
        each.sent_at
        for each in orders
        if each.sent_at is not None and each.sent_at < instant and each.record.intent.symbol == trader.symbol
    )


def _since_arrival(proven_at: datetime, arrivals: list[datetime]) -> float:
    """Return the seconds since the last order that the broker had accepted by then."""
    return (proven_at - max(arrived for arrived in arrivals if arrived < proven_at)).total_seconds()
