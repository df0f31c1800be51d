"""Each indicator's value at a minute, from the view of that minute, is TA-Lib's batch value at that index."""

import math
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import DailyBar, DailyReference, MarketView, MinuteBar, Quote, Symbol
from domain.money import Price, Quantity
from domain.tick_size import price_limits
from runtime.strategy_loading import install_strategies
from strategies.catalogue import BUILT_IN_CATALOGUE, install
from strategies.indicators import Indicators, daily_indicators, indicators
from tests.support.command_line import Run

SAMSUNG = Symbol("005930")
OPENS_AT = datetime(2026, 11, 23, tzinfo=UTC)

SLOW_STOCHASTIC: Any = talib.STOCH
SIMPLE = 0
"""TA-Lib's number of the simple average."""
Batch = Callable[[Any], Any]
OFFERED: dict[str, tuple[Callable[[Indicators], Any], Batch]] = {
    "sma": (lambda one: one.sma(5), lambda day: talib.SMA(day.close, 5)),
    "ema": (lambda one: one.ema(5), lambda day: talib.EMA(day.close, 5)),
    "wma": (lambda one: one.wma(5), lambda day: talib.WMA(day.close, 5)),
    "highest": (lambda one: one.highest(7), lambda day: talib.MAX(day.high, 7)),
    "lowest": (lambda one: one.lowest(7), lambda day: talib.MIN(day.low, 7)),
    "stddev": (lambda one: one.stddev(6), lambda day: talib.STDDEV(day.close, 6)),
    "rsi": (lambda one: one.rsi(), lambda day: talib.RSI(day.close, 14)),
    "roc": (lambda one: one.roc(), lambda day: talib.ROC(day.close, 10)),
    "mom": (lambda one: one.mom(), lambda day: talib.MOM(day.close, 10)),
    "atr": (lambda one: one.atr(5), lambda day: talib.ATR(day.high, day.low, day.close, 5)),
    "natr": (lambda one: one.natr(), lambda day: talib.NATR(day.high, day.low, day.close, 14)),
    "adx": (lambda one: one.adx(5), lambda day: talib.ADX(day.high, day.low, day.close, 5)),
    "cci": (lambda one: one.cci(), lambda day: talib.CCI(day.high, day.low, day.close, 14)),
    "willr": (lambda one: one.willr(), lambda day: talib.WILLR(day.high, day.low, day.close, 14)),
    "mfi": (lambda one: one.mfi(), lambda day: talib.MFI(day.high, day.low, day.close, day.volume, 14)),
    "obv": (lambda one: one.obv(), lambda day: talib.OBV(day.close, day.volume)),
    "bollinger": (lambda one: one.bollinger(10), lambda day: talib.BBANDS(day.close, 10, 2.0, 2.0)),
    "macd": (lambda one: one.macd(5, 9, 4), lambda day: talib.MACD(day.close, 5, 9, 4)),
    "stochastic": (
        lambda one: one.stochastic(),
        lambda day: SLOW_STOCHASTIC(day.high, day.low, day.close, 14, 3, SIMPLE, 3, SIMPLE),
    ),
}


class Columns:
    """A day as TA-Lib takes it."""

    def __init__(self, bars: Sequence[MinuteBar]) -> None:
        self.close, self.high, self.low, self.volume = (
            np.array([float(getattr(bar, name)) for bar in bars]) for name in ("close", "high", "low", "volume")
        )


def bar_of(number: int, low: int, spans: tuple[int, int, int], volume: int) -> MinuteBar:
    opened, close, high = low + spans[0], low + spans[1], low + max(spans)
    at = OPENS_AT + timedelta(minutes=number)
    return MinuteBar(at, Price(opened), Price(high), Price(low), Price(close), Quantity(volume))


def view_of(bars: Sequence[MinuteBar], days: tuple[DailyBar, ...] = ()) -> MarketView:
    """Return the view at the start of the minute after these bars, whose own bar is open."""
    at = bars[-1].at + timedelta(minutes=1)
    opened = MinuteBar(at, Price(99), Price(99), Price(99), Price(99), Quantity(1))
    limits = price_limits(Price(1_000))
    reference = DailyReference(SAMSUNG, Price(1_000), Price(1), Price(1), Quantity(1), limits, days)
    return MarketView(Quote(SAMSUNG, Price(99), at), reference, (), (*bars, opened))


BARS = st.lists(
    st.tuples(st.integers(1, 2_000_000), st.tuples(*[st.integers(0, 90_000)] * 3), st.integers(0, 10**8)),
    min_size=1,
    max_size=60,
).map(lambda rows: [bar_of(number, *row) for number, row in enumerate(rows)])


@pytest.mark.parametrize("name", OFFERED)
@settings(deadline=None, max_examples=25)
@given(bars=BARS)
def test_the_value_of_each_minute_is_the_batch_value(name: str, bars: list[MinuteBar]) -> None:
    ask, batch = OFFERED[name]
    whole = batch(Columns(bars))
    columns = whole if isinstance(whole, tuple | list) else (whole,)

    for minute in range(len(bars)):
        window = indicators(view_of(bars[: minute + 1]))
        assert window is not None
        value, expected = ask(window), tuple(float(column[minute]) for column in columns)
        if any(map(math.isnan, expected)):
            assert value is None
        else:
            assert (value if isinstance(value, tuple) else (value,)) == expected


@pytest.mark.parametrize("name", OFFERED)
@settings(deadline=None, max_examples=10)
@given(bars=BARS, late=st.integers(0, 30))
def test_a_window_of_fixed_length_is_the_same_on_a_host_that_began_later(
    name: str, bars: list[MinuteBar], late: int
) -> None:
    ask, _ = OFFERED[name]
    early, later = indicators(view_of(bars), 20), indicators(view_of(bars[late:] or bars[-1:]), 20)

    assert (early is None) == (len(bars) < 20)
    assert later is None or (early is not None and ask(later) == ask(early))


def test_every_indicator_that_is_offered_is_compared() -> None:
    offered = {name for name, value in vars(Indicators).items() if callable(value) and not name.startswith("_")}

    assert offered == OFFERED.keys()


def test_earlier_sessions_have_indicators_too() -> None:
    days = tuple(
        DailyBar(OPENS_AT.date() - timedelta(days=back), *(Price(100 + back),) * 4, Quantity(1)) for back in (3, 2, 1)
    )

    assert daily_indicators(view_of([bar_of(0, 5, (1, 1, 1), 1)], days)).sma(3) == 102


@pytest.mark.parametrize("period", [0, -1, 10**9])
def test_an_absurd_period_is_refused(period: int) -> None:
    with pytest.raises(ValueError, match="SMA"):
        Indicators([bar_of(0, 5, (1, 1, 1), 1)]).sma(period)


def test_an_absurd_window_is_refused() -> None:
    with pytest.raises(ValueError, match="a window has 1 bar or more, not 0"):
        indicators(view_of([bar_of(0, 5, (1, 1, 1), 1)]), 0)


USES_IT = '''"""Buys nothing."""

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters
from strategies.indicators import indicators


class Rsi:
    name = "rsi"
    version = "1"
    Parameters = Parameters

    def entry(self, view: MarketView, parameters: Parameters) -> EntrySignal | None:
        window = indicators(view)
        return None if window is None or window.rsi() is None else None

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: Parameters) -> bool:
        return False
'''


def test_a_file_that_uses_indicators_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "rsi.py").write_text(USES_IT)

    try:
        found = install_strategies(tmp_path)
    finally:
        install(BUILT_IN_CATALOGUE)

    assert found.refused == ()
    assert "rsi" in found.strategies


@pytest.mark.usefixtures("nothing_configured")
def test_without_ta_lib_the_strategy_is_refused_when_it_is_loaded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    (mine / "rsi.py").write_text(USES_IT)
    monkeypatch.setitem(sys.modules, "talib", None)
    monkeypatch.delitem(sys.modules, "strategies.indicators")

    try:
        listed = run("strategy", "list", HARU_STRATEGIES__PATH=str(mine))
        checked = run("strategy", "check", "rsi")
    finally:
        install(BUILT_IN_CATALOGUE)

    assert (listed.returncode, checked.returncode) == (1, 1)
    for said in (listed.stdout, checked.stderr):
        assert f"{mine / 'rsi.py'}:4: cannot be imported: MissingTaLibError: TA-Lib is not installed" in said
        assert "run `pip install TA-Lib`" in said
    assert "momentum" in listed.stdout
