"""A held position in detail: candles with the lines of its exit rules, why it was bought, and its fills."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from database.day_seen import FillSeen, PriceBar
from domain.bar import MinuteBar
from domain.clock import in_seoul
from domain.identity import PositionId
from domain.position import OpenPosition
from fleet.fleet import Fleet
from reporting.indicators import moving_average, trailing_steps
from reporting.sentences import Words
from web.exits import exits_of

_MINUTE: Final = timedelta(minutes=1)


async def chart_of(fleet: Fleet, position_id: PositionId, said: Words) -> dict[str, Any] | None:
    """Return the position in won; None if it is not held.

    Times are seconds in Seoul's wall clock, as the chart draws times without a zone. Bars are what the watch saw since
    the purchase. A value of an indicator belongs to the end of its minute.
    """
    held = await fleet.database.positions.live(fleet.account_id, position_id)
    if held is None or not held.quantity:
        return None
    seen = await fleet.database.day_seen.bars_of([position_id])
    fills = await fleet.database.day_seen.fills_of([position_id])
    now = fleet.market_now()
    plan = fleet.plan_of_the_day(now, await fleet.registered_workers())
    rows = await fleet.database.workers.board(fleet.account_id, plan.session.date)
    own = next((each.sale_begins_at for each in rows if each.worker_id == held.worker_id), None)
    lines = _lines(held, seen)
    trend = lines["average"][-1][1] * (1 - float(held.exit_rules.trend_break)) if lines["average"] else None
    exits = exits_of(held, now, own or plan.liquidation_at, None if trend is None else Decimal(trend))
    return {
        "id": held.position_id,
        "symbol": held.symbol,
        "name": held.name,
        "quantity": held.quantity,
        "entry": round(float(held.entry_price), 2),
        "best": held.high_water_mark,
        "last": held.last_price,
        "bars": [[_time(bar.minute), bar.open, bar.high, bar.low, bar.close] for bar in seen],
        **lines,
        "average_minutes": int(held.exit_rules.trend_window / _MINUTE),
        "exits": [{**each, "said": said.of("reasons", each["rule"])} for each in exits],
        "why": _why(held, said),
        "fills": [_fill(each) for each in fills if each.quantity],
    }


def _lines(held: OpenPosition, seen: Sequence[PriceBar]) -> dict[str, Any]:
    """Return the trailing stop's steps, and the average whose break sells; empty while there is nothing to draw."""
    if not seen:
        return {"trail": [], "average": []}
    first = in_seoul(seen[0].minute).replace(hour=0, minute=0, second=0, microsecond=0)
    bars = [_bar(each, first) for each in seen]

    def at(minute: int) -> int:
        return _time(first + minute * _MINUTE)

    rules = held.exit_rules
    opened = int((held.opened_at - first) / _MINUTE)
    whole = [bar for bar in bars if bar.minute > opened]
    trail = [[at(minute), round(float(price), 1)] for minute, price in trailing_steps(whole, held.entry_price, rules)]
    window = int(rules.trend_window / _MINUTE)
    has_trend = bool(rules.trend_break) and len(bars) >= max(window, 1)
    average = zip(bars, moving_average(bars, window), strict=True) if has_trend else ()
    return {
        "trail": trail,
        "average": [[at(bar.minute), round(value, 1)] for bar, value in list(average)[window - 1 :]],
    }


def _bar(seen: PriceBar, first: datetime) -> MinuteBar:
    return MinuteBar(int((seen.minute - first) / _MINUTE), seen.open, seen.high, seen.low, seen.close, 0)


def _why(held: OpenPosition, said: Words) -> dict[str, Any]:
    stamp = held.strategy
    return {
        "strategy": f"{said.of('strategies', stamp.name)} {stamp.version}",
        "reason": said.say(stamp.reason),
        "parameters": dict(stamp.parameters),
        "at": f"{in_seoul(held.opened_at):%Y-%m-%d %H:%M:%S}",
        "decided": held.decision_price,
    }


def _fill(fill: FillSeen) -> dict[str, Any]:
    return {
        "time": _time(fill.at.replace(second=0, microsecond=0)),
        "side": "buy" if fill.purpose == "entry" else "sell",
        "quantity": fill.quantity,
        "price": round(fill.amount / fill.quantity, 1),
    }


def _time(at: datetime) -> int:
    """Return an instant as seconds of Seoul's wall clock."""
    return round(in_seoul(at).replace(tzinfo=UTC).timestamp())
