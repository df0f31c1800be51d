"""The day's equity minute by minute: realised profit, and the value of the shares still held."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from database.day_seen import FillSeen, PriceBar
from domain.identity import PositionId
from domain.money import Price, Quantity, Won, notional
from domain.session import session_date_of
from reporting.reading import DayBooks

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Won at a market instant: net of the trades closed by then, and including held shares at their last price."""

    at: datetime
    realised: Won
    marked: Won


def equity(day: DayBooks) -> tuple[EquityPoint, ...]:
    """Return the fleet's equity at each minute from the opening to the last known event, starting at zero.

    Until it is closed, a position counts with its cash flow and its shares at the last observed price, before costs.
    After that it counts with its net result. A position from an earlier session starts at its value then.
    """
    instants = tuple(_minutes(day))
    if not instants:
        return ()
    values = [_marked(day, position_id, instants) for position_id in _positions(day)]
    closed = sorted((trade.closed_at, trade.net_pnl) for trade in day.trades)
    realised = [Won(sum(net for at, net in closed if at <= instant)) for instant in instants]
    marked = [Won(sum(column)) for column in zip(*values, strict=True)] if values else realised
    return tuple(EquityPoint(*point) for point in zip(instants, realised, marked, strict=True))


def drawdown(values: Sequence[int]) -> list[int]:
    """Return the distance of each value below the highest value before it, including the start at zero."""
    peaks = list(accumulate(values, max, initial=0))[1:]
    return [value - peak for value, peak in zip(values, peaks, strict=True)]


def _minutes(day: DayBooks) -> Iterator[datetime]:
    known = [trade.closed_at for trade in day.trades]
    known += [fill.at for fill in day.fills]
    known += [bar.minute + _MINUTE for bar in day.bars]
    # Positions left by a session can be sold on a later day. Only this session and its evening belong to the line.
    known = [at for at in known if day.session.opens_at <= at and session_date_of(at) == day.date]
    last = max(known, default=day.session.opens_at)
    at = day.session.opens_at
    while known and at < last + _MINUTE:
        yield at
        at += _MINUTE


def _positions(day: DayBooks) -> list[PositionId]:
    return [each.position_id for each in day.positions]


def _marked(day: DayBooks, position_id: PositionId, instants: Sequence[datetime]) -> list[int]:
    fills = [fill for fill in day.fills if fill.position_id == position_id]
    bars = [bar for bar in day.bars if bar.position_id == position_id]
    trade = next((each for each in day.trades if each.position_id == position_id), None)
    if trade is None:
        return [_standing(fills, bars, at) for at in instants]
    return [trade.net_pnl if trade.closed_at <= at else _standing(fills, bars, at) for at in instants]


def _standing(fills: Sequence[FillSeen], bars: Sequence[PriceBar], at: datetime) -> int:
    done = [fill for fill in fills if fill.at <= at]
    if not done:
        return 0
    held = Quantity(sum(_signed(fill, fill.quantity) for fill in done))
    cash = -sum(_signed(fill, fill.amount) for fill in done)
    return cash + notional(_price_at(done, bars, at), held)


def _price_at(done: Sequence[FillSeen], bars: Sequence[PriceBar], at: datetime) -> Price:
    seen = [bar.close for bar in bars if bar.minute + _MINUTE <= at]
    return seen[-1] if seen else Price(done[-1].amount // done[-1].quantity)


def _signed(fill: FillSeen, amount: int) -> int:
    return amount if fill.purpose == "entry" else -amount
