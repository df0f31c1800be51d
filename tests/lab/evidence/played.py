"""A finished backtest in its files: one trade a day and stock, bought and sold at recorded prices."""

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from domain.bar import MinuteBar
from domain.clock import KST
from domain.market import Symbol
from domain.position import ClosedTrade
from domain.session import SessionDate
from history.store import BarStore
from lab.hands import bars_hash
from lab.recording import Gaps
from lab.results import DayResult, Results, Settings
from lab.summary import summary_of
from runtime.strategy_loading import install_strategies
from strategies import known
from tests.lab.recorded_days import DAYS, STOCKS, a_store
from tests.support.builders import a_closed_trade

install_strategies(None)  # reads the sources of the built-in ones, as every program does
SETTINGS: Final = Settings(
    strategy="momentum",
    version="2",
    first=f"{DAYS[0]}",
    last=f"{DAYS[-1]}",
    rules={"strategy.names": "momentum", "exits.stop_loss": "2%"},
    workers=1,
    capital=10_000_000,
    universe="",
    sources={"haru": "1234", "momentum": known().sources["momentum"]},
)


def a_day(store: BarStore, day: SessionDate) -> DayResult:
    """Return a day in which each stock is bought at its 60th bar and sold at its 90th, at their opens."""
    bars = store.minutes(day, STOCKS)
    trades = tuple(_trade(day, symbol, bars[symbol][60], bars[symbol][90]) for symbol in STOCKS)
    return DayResult(day, bars_hash(store.folder, day), Gaps(stocks=4, minutes=1_500), trades, symbols=STOCKS)


def _trade(day: SessionDate, symbol: Symbol, bought: MinuteBar, sold: MinuteBar) -> ClosedTrade:
    midnight = datetime.combine(day, time(), KST)
    opened, closed = (midnight + timedelta(minutes=each.minute, seconds=5) for each in (bought, sold))
    trade = a_closed_trade(bought.open, sold.open, 10, opened_at=opened, closed_at=closed)
    return replace(trade, symbol=symbol, session_date=day)


def a_backtest(data: Path, settings: Settings = SETTINGS) -> tuple[BarStore, list[DayResult]]:
    """Write a store and a finished backtest into a data folder."""
    store = BarStore(data / "bars") if (data / "bars").exists() else a_store(data / "bars")
    days = [a_day(store, SessionDate(day)) for day in DAYS]
    results = Results(data / "backtests", settings)
    results.begin(again=False)
    for day in days:
        results.keep(day)
    results.write_summary(json.loads(json.dumps(summary_of(settings, days))))
    return store, days
