"""Today's one-minute bars of each stock, built from the prices that this process observes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.market import MinuteBar, Quote, Symbol
from domain.money import Quantity
from domain.session import session_date_of

_MOST_BARS: Final = 600
"""More than any session has minutes."""


class MinuteBars:
    """The bars of today's session by stock, oldest first; the last one is still open.

    A minute without an observed price has no bar. Shares traded before the first observation belong to no bar, unless
    the stock was observed earlier today without a trade.
    """

    def __init__(self) -> None:
        self._bars: dict[Symbol, tuple[MinuteBar, ...]] = {}
        self._open: dict[Symbol, MinuteBar] = {}
        self._volume: dict[Symbol, Quantity] = {}

    def of(self, symbol: Symbol) -> tuple[MinuteBar, ...]:
        """Return the bars of a stock; callers share one tuple of the completed ones."""
        last = self._open.get(symbol)
        return () if last is None else (*self._bars[symbol], last)

    def latest(self, symbol: Symbol) -> MinuteBar | None:
        """Return the open bar of a stock."""
        return self._open.get(symbol)

    def add(self, quote: Quote) -> None:
        """Count a price that is newer than the last one."""
        symbol, last = quote.symbol, self._open.get(quote.symbol)
        if not quote.volume:
            self._open.pop(symbol, None)
            self._volume[symbol] = quote.volume
            return
        if last is None or session_date_of(last.at) != session_date_of(quote.observed_at):
            untraded = last is None and symbol in self._volume
            before = self._volume[symbol] if untraded else quote.volume
            self._bars[symbol], self._open[symbol] = (), _with(_first(quote), quote, before)
        elif last.at == _minute_of(quote.observed_at):
            self._open[symbol] = _with(last, quote, self._volume[symbol])
        else:
            self._bars[symbol] = (*self._bars[symbol], last)[-_MOST_BARS:]
            self._open[symbol] = _with(_first(quote), quote, self._volume[symbol])
        self._volume[symbol] = quote.volume


def _first(quote: Quote) -> MinuteBar:
    at = _minute_of(quote.observed_at)
    return MinuteBar(at, quote.price, quote.price, quote.price, quote.price, Quantity(0))


def _with(bar: MinuteBar, quote: Quote, before: Quantity) -> MinuteBar:
    return replace(
        bar,
        high=max(bar.high, quote.price),
        low=min(bar.low, quote.price),
        close=quote.price,
        volume=Quantity(bar.volume + max(0, quote.volume - before)),
    )


def _minute_of(instant: datetime) -> datetime:
    return instant - timedelta(seconds=instant.second, microseconds=instant.microsecond)
