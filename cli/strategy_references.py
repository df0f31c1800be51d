"""The sessions before a checked day: from the recording, or as the simulator made them."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from domain.market import DailyBar, DailyReference, Symbol
from domain.money import Price, Quantity
from domain.session import Session, SessionDate
from domain.tick_size import price_limits
from lab.recording import session_there
from simulator.exchange import Exchange
from simulator.recorded import RecordedBars, Recording
from simulator.tape import Tape

_SIMULATED_DAYS: Final = 14


def reference_of(tape: Tape, exchange: Exchange, day: Session, recording: Recording | None) -> DailyReference | None:
    """Return a stock's data before the open, or None without an earlier session."""
    days = tuple(_recorded_days(tape, day, recording) if recording else _simulated_days(tape, exchange, day))
    if not days:
        return None
    base, last = Price(tape.base_price(exchange.sessions.position(session_there(day)))), days[-1]
    limits = price_limits(base)
    return DailyReference(Symbol(tape.listing.symbol), base, last.high, last.low, last.volume, limits, days)


def _recorded_days(tape: Tape, day: Session, recording: Recording) -> Iterator[DailyBar]:
    for each, bars in sorted(recording.days[tape.listing.symbol].items()):
        if each < day.date:
            yield _day_bar(each, bars)


def _day_bar(day: date, bars: RecordedBars) -> DailyBar:
    minutes = [bars.minutes[minute] for minute in sorted(bars.minutes)]
    minutes += [bars.closing] if bars.closing else []
    high, low = max(bar.high for bar in minutes), min(bar.low for bar in minutes)
    first, close = Price(minutes[0].open), Price(bars.close_price)
    return DailyBar(day, first, Price(high), Price(low), close, Quantity(bars.volume))


def _simulated_days(tape: Tape, exchange: Exchange, day: Session) -> Iterator[DailyBar]:
    position = exchange.sessions.position(session_there(day))
    for each in range(max(1, position - _SIMULATED_DAYS), position):
        found, on = tape.summary(each), exchange.sessions.at(each).date
        first, high, low, last = map(Price, (found.open_price, found.high_price, found.low_price, found.close_price))
        yield DailyBar(SessionDate(on), first, high, low, last, Quantity(found.volume))
