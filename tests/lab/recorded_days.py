"""Synthetic recorded days: seeded minutes of a few stocks on KRX's grid, some of which break out."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.tick_size import round_down
from exchange.calendar import krx_calendar
from history.store import BarStore

CALENDAR: Final = krx_calendar(2024, 2027)
STOCKS: Final = tuple(Symbol(code) for code in ("005930", "000660", "0126Z0", "035720"))
DAYS: Final = (date(2025, 11, 17), date(2025, 11, 18), date(2025, 11, 19))
_OPENS: Final = 540
_MINUTES: Final = 380
_CLOSES: Final = 930
_PRICES: Final = (12_000, 48_000, 7_400, 23_500)


def a_store(folder: Path, days: Sequence[date] = DAYS, stocks: Sequence[Symbol] = STOCKS) -> BarStore:
    """Write a store of recorded days and return it."""
    store = BarStore(folder)
    closes = dict(zip(stocks, _PRICES, strict=False))
    with store.writing():
        for day in days:
            before = CALENDAR.session_before(day).date
            daily = {each: [_day_before(before, close), _today(day, close)] for each, close in closes.items()}
            store.write_daily(daily)
            minutes = {each: minutes_of(f"{day}{each}", close) for each, close in closes.items()}
            store.write_day(day, minutes)
            closes = {each: bars[-1].close for each, bars in minutes.items()}
    return store


def minutes_of(seed: str, base: int) -> list[MinuteBar]:
    """Return a day that wanders, rises through its breakout target and falls back; some minutes have no trade."""
    chance = random.Random(seed)
    price, bars = float(base), []
    turn = chance.randrange(60, 200)
    for minute in range(_MINUTES):
        drift = 0.0006 if minute < turn else -0.0005
        after = min(max(price * (1 + chance.gauss(drift, 0.0018)), base * 0.75), base * 1.25)
        high = max(price, after) * (1 + abs(chance.gauss(0, 0.0008)))
        low = min(price, after) * (1 - abs(chance.gauss(0, 0.0008)))
        if chance.random() > 0.03:
            opened, top, bottom, closed = map(_grid, (price, high, low, after))
            bars.append(MinuteBar(_OPENS + minute, opened, top, bottom, closed, chance.randrange(800, 9_000)))
        price = after
    closing = _grid(price)
    return [*bars, MinuteBar(_CLOSES, closing, closing, closing, closing, 20_000)]


def _grid(price: float) -> int:
    return int(round_down(int(price)))


def _day_before(day: date, close: int) -> DailyBar:
    return DailyBar(day, close, _grid(close * 1.01), _grid(close * 0.99), close, 1_000_000, None, close)


def _today(day: date, base: int) -> DailyBar:
    """Return a daily bar of which a backtest may only use the base price."""
    return DailyBar(day, base, base, base, base, 1, None, base)


def next_days(first: date, count: int) -> tuple[date, ...]:
    """Return sessions in order."""
    found, day = list[date](), first
    while len(found) < count:
        if CALENDAR.session_on(day):
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)
