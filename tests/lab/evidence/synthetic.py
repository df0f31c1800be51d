"""Synthetic unbiased markets: prices without drift, what each entry in them earns, and strategies that draw entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from random import Random
from statistics import fmean
from typing import Final

from domain.bar import MinuteBar
from domain.market import Symbol
from domain.rules import ExitRules
from domain.tick_size import STOCK_GRID
from lab.evidence.replay import ReplayRules, Tape, gross_rate
from lab.evidence.rows import Evidence, Sizing, Traded
from lab.evidence.trials import Trials
from tests.lab.recorded_days import next_days

SESSIONS: Final = next_days(date(2025, 3, 4), 100)
STOCKS: Final = tuple(Symbol(f"{number:06}") for number in range(1, 7))
ENTRIES: Final = tuple(range(30, 330, 15))
COSTS: Final = 0.0023
"""Commission of both sides and tax."""
RULES: Final = ReplayRules(ExitRules(), 915)
STAKE: Final = 5_000_000.0
LIQUID: Final = Sizing(5e10, 3e8, 0.03)
_TRADES_A_SESSION: Final = 6
_DRAWS: Final = 6
_LASTS: Final = 30
"""Minutes over which a planted edge moves the price."""
_LOOKS_BACK, _LOOKS_AHEAD = 25, 125


def wandering(seed: str, minutes: int = 380) -> list[MinuteBar]:
    """Return a day without drift."""
    chance, price, bars = Random(seed), 48_000.0, list[MinuteBar]()
    for minute in range(minutes):
        path = [price]
        for _ in range(3):
            path.append(path[-1] * (1 + chance.gauss(0, 0.0009)))
        opened, *_, closed = points = [STOCK_GRID.nearest(each) for each in path]
        bars.append(MinuteBar(540 + minute, opened, max(points), min(points), closed, chance.randrange(500, 5_000)))
        price = path[-1]
    return bars


def lifted(bars: list[MinuteBar], place: int, edge: float) -> tuple[Tape, int]:
    """Return the part of a day around a minute, with prices that rise by an edge in the half hour after it."""
    first = max(place - _LOOKS_BACK, 0)
    seen = bars[first : place + _LOOKS_AHEAD]
    rises = [1 + edge * min(max((first + number - place) / _LASTS, 0.0), 1.0) for number in range(len(seen))]
    grid = STOCK_GRID.nearest
    return Tape(
        [
            MinuteBar._make((bar.minute, *(int(grid(price * rise)) for price in bar[1:5]), bar.volume, None))
            for bar, rise in zip(seen, rises, strict=True)
        ]
    ), place - first


@dataclass(frozen=True)
class Market:
    """All days, and the gross result of an entry at each of the minutes."""

    days: Mapping[tuple[date, Symbol], list[MinuteBar]]
    results: Mapping[tuple[date, Symbol, int], float]

    @property
    def mean(self) -> float:
        return fmean(self.results.values())


def a_market(seed: int) -> Market:
    """Return a market with the results of all entries in it."""
    days = {(day, symbol): wandering(f"{seed}{day}{symbol}") for day in SESSIONS for symbol in STOCKS}
    results: dict[tuple[date, Symbol, int], float] = {}
    for (day, symbol), bars in days.items():
        tape = Tape(bars)
        for place in ENTRIES:
            results[day, symbol, place] = gross_rate(tape, place, RULES)
    return Market(days, results)


def strategy(market: Market, seed: int, *, edge: float = 0.0, costs: float = COSTS) -> Evidence:
    """Return the evidence of a strategy that draws its entries; each is followed by an edge in the prices."""
    chance, trades = Random(seed), list[Traded]()
    for day in SESSIONS:
        for _ in range(_TRADES_A_SESSION):
            symbol, place = chance.choice(STOCKS), chance.choice(ENTRIES)
            gross = market.results[day, symbol, place]
            if edge:
                gross = gross_rate(*lifted(market.days[day, symbol], place, edge), RULES)
            random = [market.results[day, chance.choice(STOCKS), chance.choice(ENTRIES)] for _ in range(_DRAWS)]
            net, others = gross - costs, fmean(random) - costs
            trades.append(Traded(day, symbol, STAKE, STAKE * net, net, others, None, LIQUID))
    return Evidence(SESSIONS, tuple(trades), Trials())
