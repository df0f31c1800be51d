"""Indicators of TA-Lib over the bars of a view. An extra: ``pip install TA-Lib``; nothing else of Haru imports this.

Each value is TA-Lib's own batch function over the whole window, of which the last element is returned. A value of a
minute therefore equals the batch value at that minute, bit for bit. TA-Lib's ``stream`` functions are not used: for
recursive averages (EMA, RSI, ATR, ADX, MACD) they start at a later bar and give other numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from domain.market import DailyBar, MarketView, MinuteBar


class MissingTaLibError(ImportError):
    """TA-Lib is not installed."""

    def __init__(self) -> None:
        super().__init__("TA-Lib is not installed; run `pip install TA-Lib` (Haru's extra `indicators`) on every host")


try:
    import numpy as np
    import talib
except ImportError:
    raise MissingTaLibError from None

_MOST: Final = 100_000
"""TA-Lib's own bound of a period."""


class Bands(NamedTuple):
    """Bollinger bands (won)."""

    upper: float
    middle: float
    lower: float


class Macd(NamedTuple):
    """The difference of two EMAs, its own EMA, and the distance of both (won)."""

    line: float
    signal: float
    histogram: float


class Stochastic(NamedTuple):
    """Slow %K and %D, from 0 to 100."""

    k: float
    d: float


@dataclass(frozen=True, slots=True)
class Indicators:
    """Indicators at the last bar of a window. Each is None while the window has too few bars, and NaN never appears.

    Prices are in won. A period below TA-Lib's least, or an absurd one, raises ``ValueError``.
    """

    bars: Sequence[MinuteBar | DailyBar]
    """Oldest first. A minute without a trade has no bar: periods count bars, not minutes."""

    def sma(self, period: int) -> float | None:
        """Return the simple moving average of the closes."""
        return self._one(talib.SMA, "close", period)

    def ema(self, period: int) -> float | None:
        """Return the exponential moving average. It starts as the simple average of the window's first bars."""
        return self._one(talib.EMA, "close", period)

    def wma(self, period: int) -> float | None:
        """Return the linearly weighted moving average."""
        return self._one(talib.WMA, "close", period)

    def highest(self, period: int) -> float | None:
        """Return the highest high."""
        return self._one(talib.MAX, "high", period)

    def lowest(self, period: int) -> float | None:
        """Return the lowest low."""
        return self._one(talib.MIN, "low", period)

    def stddev(self, period: int) -> float | None:
        """Return the standard deviation of the closes."""
        return self._one(talib.STDDEV, "close", period)

    def rsi(self, period: int = 14) -> float | None:
        """Return Wilder's relative strength index, 0 to 100."""
        return self._one(talib.RSI, "close", period)

    def roc(self, period: int = 10) -> float | None:
        """Return the rate of change in percent."""
        return self._one(talib.ROC, "close", period)

    def mom(self, period: int = 10) -> float | None:
        """Return the change of the close (won)."""
        return self._one(talib.MOM, "close", period)

    def atr(self, period: int = 14) -> float | None:
        """Return Wilder's average true range (won)."""
        return self._one(talib.ATR, "high low close", period)

    def natr(self, period: int = 14) -> float | None:
        """Return the average true range in percent of the close."""
        return self._one(talib.NATR, "high low close", period)

    def adx(self, period: int = 14) -> float | None:
        """Return the average directional index, 0 to 100."""
        return self._one(talib.ADX, "high low close", period)

    def cci(self, period: int = 14) -> float | None:
        """Return the commodity channel index."""
        return self._one(talib.CCI, "high low close", period)

    def willr(self, period: int = 14) -> float | None:
        """Return Williams' %R, -100 to 0."""
        return self._one(talib.WILLR, "high low close", period)

    def mfi(self, period: int = 14) -> float | None:
        """Return the money flow index, 0 to 100."""
        return self._one(talib.MFI, "high low close volume", period)

    def obv(self) -> float | None:
        """Return the on-balance volume (shares) since the window's first bar."""
        return self._one(talib.OBV, "close volume")

    def bollinger(self, period: int = 20, deviations: float = 2.0) -> Bands | None:
        """Return the bands so many standard deviations around the simple average."""
        found = self._last(talib.BBANDS, "close", period, deviations, deviations)
        return Bands(*found) if found else None

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd | None:
        """Return MACD of the closes."""
        found = self._last(talib.MACD, "close", fast, slow, signal)
        return Macd(*found) if found else None

    def stochastic(self, fast_k: int = 14, slow_k: int = 3, slow_d: int = 3) -> Stochastic | None:
        """Return the slow stochastic with simple averages."""
        found = self._last(talib.STOCH, "high low close", fast_k, slow_k, 0, slow_d, 0)
        return Stochastic(*found) if found else None

    def _one(self, function: Callable[..., Any], columns: str, *numbers: float) -> float | None:
        found = self._last(function, columns, *numbers)
        return found[0] if found else None

    def _last(self, function: Callable[..., Any], columns: str, *numbers: float) -> tuple[float, ...] | None:
        """Return a function's last values, or None while one of them does not exist."""
        if any(not 0 <= number <= _MOST for number in numbers):
            raise ValueError(f"{function.__name__} takes periods from 1 to {_MOST:,}, not {numbers}")
        if not self.bars:
            return None
        try:
            found = function(*map(self._column, columns.split()), *numbers)
        except Exception as error:  # noqa: BLE001 - TA-Lib raises no narrower one
            raise ValueError(f"{function.__name__}{numbers}: {error}") from None
        last = tuple(float(each[-1]) for each in (found if isinstance(found, tuple | list) else (found,)))
        return None if any(number != number for number in last) else last  # noqa: PLR0124 - NaN

    def _column(self, name: str) -> Any:
        return np.fromiter((getattr(bar, name) for bar in self.bars), np.float64, len(self.bars))


def indicators(view: MarketView, bars: int | None = None) -> Indicators | None:
    """Return the indicators of today's completed one-minute bars; the open minute does not count.

    Without ``bars`` the window is the day since its first bar. This host may have begun later than another: then
    recursive averages differ. With ``bars`` the window is exactly the last so many, the same on every host and in a
    backtest, and None before there are so many.
    """
    done = view.completed
    if bars is None:
        return Indicators(done)
    if bars < 1:
        raise ValueError(f"a window has 1 bar or more, not {bars}")
    return Indicators(done[-bars:]) if len(done) >= bars else None


def daily_indicators(view: MarketView) -> Indicators:
    """Return the indicators of the earlier sessions, today not included."""
    return Indicators(view.days)
