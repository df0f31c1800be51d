"""Recorded sessions for tests of the compiled kernel, an ordinary one and an odd one, and varied trials."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from domain.bar import MinuteBar
from domain.close_plan import CloseLeads, plan_session
from domain.money import Quantity
from domain.rule_changes import changed
from domain.rules import ScreeningRules, StrategyRules, TradingRules
from lab.recording import RecordedSession, read_session
from lab.sweep.alone import AloneSession, AloneTrials
from lab.sweep.entries import CompiledEntries
from lab.sweep.scene import Scene
from strategies import known
from strategies.admission import Brought
from strategies.catalogue import Catalogue, install
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, a_store

CAPITAL = 50_000_000
RULES = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
ROOM = ScreeningRules(least_turnover=RULES.screening.least_turnover, least_volume=Quantity(0))


def a_session(folder: Any, *, odd: bool = False) -> RecordedSession:
    """Return a recorded session; an ``odd`` one has mid-prices, minutes without volume, and one locked at its limit."""
    store = a_store(folder)
    if odd:
        limits = store.day(DAYS[0]).stocks[STOCKS[0]].limits
        assert limits is not None
        upper = limits.upper
        chance = random.Random("odd")
        with store.writing():
            minutes = {symbol: [_odd(bar, chance) for bar in bars] for symbol, bars in store.minutes(DAYS[0]).items()}
            first = minutes[STOCKS[0]]
            minutes[STOCKS[0]] = [
                *first[:300],
                *(bar._replace(open=upper, high=upper, low=upper, close=upper) for bar in first[300:]),
            ]
            store.write_day(DAYS[0], minutes)
    session = CALENDAR.session_on(DAYS[0])
    assert session is not None
    return read_session(store, session)


def _odd(bar: MinuteBar, chance: random.Random) -> MinuteBar:
    if bar.close >= 5_000 and chance.random() < 0.2:
        half = 5 if bar.close < 20_000 else 25
        bar = bar._replace(close=bar.low + half, high=max(bar.high, bar.low + half), open=bar.low + half)
    return bar._replace(volume=0) if chance.random() < 0.1 else bar


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedSession:
    return a_session(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> RecordedSession:
    return a_session(tmp_path_factory.mktemp("odd"), odd=True)


def a_scene(recorded: RecordedSession, *, compiled: bool = False, workers: int = 1) -> Scene:
    plan = plan_session(recorded.session, CloseLeads(), 1, workers)
    return Scene(recorded, plan, CAPITAL, CALENDAR, CompiledEntries(recorded) if compiled else None)


@pytest.fixture
def by_code() -> Iterator[None]:
    """Let the built-in strategies decide as code without a rule."""
    before = known()
    without = {name: replace(each, code=cast("Brought", _Code(each.code))) for name, each in before.strategies.items()}
    install(Catalogue(without, before.filters))
    yield
    install(before)


class _Code:
    """A strategy whose rule is hidden."""

    def __init__(self, code: Any) -> None:
        self.entry, self.wants_out = code.entry, code.wants_out


VARIED = [
    {},
    {"exits.stop_loss": "1%", "exits.take_profit": "1%"},
    {"strategy.volatility_breakout.factor": "0.31", "exits.trailing_start": "0.6%", "exits.trailing_distance": "0.4%"},
    {"strategy.volatility_breakout.factor": "0.9", "risk.capital_per_trade": "1000000"},
    {"strategy.names": "momentum", "strategy.momentum.rise": "0.4%", "strategy.momentum.volume_ratio": "1"},
    {"strategy.names": "momentum,volatility_breakout", "exits.longest_holding": "20m"},
    {"screening.least_volume": "200000"},
]


def trials() -> AloneTrials:
    return AloneTrials([(number, replace(changed(RULES, each), version=1)) for number, each in enumerate(VARIED)])


def alone(recorded: RecordedSession) -> AloneSession:
    plan = plan_session(recorded.session, CloseLeads(), 1, 1)
    return AloneSession(recorded, plan, CAPITAL, lambda: a_scene(recorded))
