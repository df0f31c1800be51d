"""A day of the tape that follows recorded bars instead of a seeded curve, and the recorded stocks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from simulator.day_plan import DayPlan
from simulator.krx.prices import STOCK_GRID, limits_around
from simulator.krx.units import Market, Price, Product
from simulator.listings import Listing
from simulator.natural_day import MinuteBar, NaturalDay
from simulator.recorded import Identity, RecordedBars, Recording

_MINUTE: Final = 60


class RecordedDay(NaturalDay):
    """Prices by second within recorded minutes. ``plan`` only provides the character."""

    def __init__(self, plan: DayPlan, base: Price, minutes: int, recorded: RecordedBars) -> None:
        self.plan = plan
        self.limits = limits_around(base, recorded.grid)
        self.bars = recorded.whole(minutes)
        self._closing = recorded.closing
        self._seconds = recorded.seconds

    def price_at(self, second: int) -> Price:
        """Return the recorded price of a second, or that of the path which its minute is assumed to have."""
        minute, inside = divmod(min(max(second, 0), len(self.bars) * _MINUTE - 1), _MINUTE)
        prices = self._seconds.get(minute)
        return super().price_at(second) if prices is None else Price(prices[inside])

    def begun_bar(self, minute: int, inside: int) -> MinuteBar:
        """Return the first seconds of a minute as a bar."""
        prices = self._seconds.get(minute)
        if prices is None:
            return super().begun_bar(minute, inside)
        begun, volume = prices[: inside + 1], self.bars[minute].volume * (inside + 1) // _MINUTE
        return MinuteBar(begun[0], max(begun), min(begun), begun[-1], volume)

    def liquidity_at(self, minute: int) -> float:  # noqa: ARG002
        """Return the usual depth at all times."""
        return 1.0

    @property
    def closing_volume(self) -> int:
        """Return the shares of the recorded closing auction; a day without trades has none."""
        if self._closing:
            return self._closing.volume
        return super().closing_volume if any(bar.volume for bar in self.bars) else 0


def with_recorded(listings: Iterable[Listing], recording: Recording) -> Iterator[Listing]:
    """Return the stocks with recorded price, volume, name and market, plus those that only the recording has.

    A recording that plays alone leaves only its own stocks.
    """
    unknown = dict(recording.days)
    for listing in listings:
        recorded = unknown.pop(listing.symbol, None)
        if recorded:
            known = recording.identities.get(listing.symbol, Identity())
            named = replace(listing, name=known.name or listing.name, market=known.market or listing.market)
            yield replace(named, **_measures(recorded))
        elif not recording.only:
            yield listing
    for symbol, recorded in unknown.items():
        known = recording.identities.get(symbol, Identity())
        name, market = known.name or f"종목{symbol}", known.market or Market.KOSPI
        plain = Listing(symbol, name, market, Price(1), 1, 1.0, product=Product.ETF if known.etf else None)
        yield replace(plain, **_measures(recorded))


def _measures(recorded: Mapping[date, RecordedBars]) -> dict[str, Any]:
    volume = sum(day.volume for day in recorded.values()) // len(recorded)
    return {"price": STOCK_GRID.round_down(recorded[min(recorded)].base), "daily_volume": max(1, volume)}
