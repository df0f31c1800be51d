"""A day of the tape that follows recorded bars instead of a seeded curve, and the recorded stocks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from domain.market import Market, Symbol
from domain.money import Price
from domain.tick_size import price_limits, round_down
from simulator.day_plan import DayPlan
from simulator.listings import Listing
from simulator.natural_day import NaturalDay
from simulator.recorded import RecordedBars


class RecordedDay(NaturalDay):
    """Prices by second within recorded minutes. ``plan`` only provides the character."""

    def __init__(self, plan: DayPlan, base: Price, minutes: int, recorded: RecordedBars) -> None:
        self.plan = plan
        self.limits = price_limits(base)
        self.bars = recorded.whole(minutes)
        self._closing = recorded.closing

    def liquidity_at(self, minute: int) -> float:  # noqa: ARG002
        """Return the usual depth at all times."""
        return 1.0

    @property
    def closing_volume(self) -> int:
        """Return the shares of the recorded closing auction."""
        return self._closing.volume if self._closing else super().closing_volume


def with_recorded(listings: Iterable[Listing], days: Mapping[Symbol, Mapping[date, RecordedBars]]) -> Iterator[Listing]:
    """Return the stocks with recorded price and volume, plus stocks that only the recording has (as KOSPI)."""
    unknown = dict(days)
    for listing in listings:
        recorded = unknown.pop(listing.symbol, None)
        yield replace(listing, **_measures(recorded)) if recorded else listing
    for symbol, recorded in unknown.items():
        plain = Listing(symbol, f"종목{symbol}", Market.KOSPI, Price(1), 1, 1.0)
        yield replace(plain, **_measures(recorded))


def _measures(recorded: Mapping[date, RecordedBars]) -> dict[str, Any]:
    volume = sum(day.volume for day in recorded.values()) // len(recorded)
    return {"price": round_down(recorded[min(recorded)].base), "daily_volume": max(1, volume)}
