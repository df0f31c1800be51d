"""The evidence in a finished backtest: its trades, replays of its entries and of random ones, and what flatters it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from statistics import fmean
from typing import Final

from domain.bar import MinuteBar
from domain.clock import in_seoul
from domain.close_plan import CloseLeads, plan_session
from domain.costs import cost_rates
from domain.market import Symbol
from domain.position import ClosedTrade
from domain.rules import ExitRules
from domain.session import TradingCalendar
from history.checking import Universe
from history.store import BarStore
from lab.evidence.capacity import volatility_of
from lab.evidence.choice import hindsight, moves_of
from lab.evidence.replay import ReplayRules, Tape, gross_rate
from lab.evidence.rows import Evidence, Sizing, Traded
from lab.evidence.trials import Trials
from lab.hands import bars_hash
from lab.recorded_market import turnovers
from lab.results import DATED, NAMED, DayResult, Settings
from lab.slippage import STATED, Calibration, extra_slippage

_REPLAYS: Final = 6_000
"""Random entries of a whole backtest; their mean then has a standard error of about 2 bp."""
_FEWEST, _MOST = 4, 40
_TRIES: Final = 4
"""Draws for one random entry: some minutes of a stock cannot fill an order."""
_SEED: Final = 1994


@dataclass
class Reading:
    """Reads one backtest. ``exits`` are the rules it played by."""

    settings: Settings
    store: BarStore
    calendar: TradingCalendar
    exits: ExitRules
    calibration: Calibration | None = None
    """Slippage learnt from fills, if the backtest used it."""
    _universe: Universe = field(default_factory=Universe)
    _stale: int = 0

    def evidence(self, days: Sequence[DayResult], trials: Trials) -> Evidence:
        """Return the evidence of finished days.

        Raises:
            HistoryError: the stored bars cannot be read.
        """
        trades = [trade for day in days for trade in day.trades]
        pool = [_minute_of(trade) for trade in trades]
        draws = min(max(_REPLAYS // max(1, len(trades)), _FEWEST), _MOST)
        chance = Random(f"{_SEED}{self.settings.id}")
        read = [row for day in days for row in self._day(day, _Draws(pool, draws, chance))]
        stakes, before = sum(trade.entry_amount for trade in trades), turnovers(self.store.folder, trades)
        learnt = self.calibration
        extra = [extra_slippage(trade, learnt, before) if learnt is not None else 0 for trade in trades]
        fills = STATED if learnt is None else learnt.name
        if sum(extra) < 0:  # lucky fills, or those of a simulator, must not make a result better
            extra, fills = [0] * len(trades), f"{fills}; the stated fill model costs more and counts"
        return Evidence(
            sessions=tuple(map(_plain, days)),
            trades=tuple(replace(row, net=row.net - more) for row, more in zip(read, extra, strict=True)),
            trials=trials,
            biases=tuple(self._biases(days)),
            unsound=sum(not day.is_sound for day in days),
            slippage=(sum(trade.slippage for trade in trades) + sum(extra)) / stakes if stakes else 0.0,
            fills=fills,
        )

    def _day(self, day: DayResult, draws: "_Draws") -> Iterator[Traded]:
        if day.bars != bars_hash(self.store.folder, day.date):
            self._stale += 1
            yield from (_row(trade) for trade in day.trades)
            return
        symbols = day.symbols or sorted({trade.symbol for trade in day.trades})
        bars = self.store.minutes(day.date, symbols) if symbols else {}
        if bars:
            self._universe.add(bars)
        market = _Market(day, {symbol: Tape(found) for symbol, found in bars.items()}, self._rules(day))
        yield from (market.row(trade, draws) for trade in day.trades)

    def _rules(self, day: DayResult) -> ReplayRules:
        session = self.calendar.session_on(day.date)
        deadline = plan_session(session, CloseLeads(), 1).liquidation_at if session else None
        return ReplayRules(self.exits, 24 * 60 if deadline is None else _minutes(in_seoul(deadline).timetuple()[3:5]))

    def _biases(self, days: Sequence[DayResult]) -> Iterator[str]:
        """Yield why the universe was not chosen as of each day, and why the bars are not those of the backtest."""
        kind = self.settings.universe.partition(" ")[0]
        if kind == NAMED:
            yield "the same stocks were named for every session: who named them knew which of them would be there"
        elif kind not in {"", DATED} or not all(day.symbols or not day.trades for day in days):
            yield "the backtest is of an earlier version and does not say which stocks it chose from; play it again"
        yield from self._left_out(days)
        if self._stale:
            yield f"the stored bars of {self._stale:,} sessions have changed since they were played; play them again"
        yield from (finding.text for finding in self._universe.findings())
        listed = {_plain(day): frozenset(day.symbols) for day in days}
        moves = moves_of(self.store.daily_between(min(listed), max(listed))) if listed else {}
        if known := hindsight(moves, listed):
            yield known

    def _left_out(self, days: Sequence[DayResult]) -> Iterator[str]:
        """Yield that sessions between the first and the last one were not played: they may be the bad ones."""
        played = sorted(map(_plain, days))
        every = range(played[0].toordinal(), played[-1].toordinal()) if played else ()
        missing = [
            day
            for day in map(date.fromordinal, every)
            if day not in played and self.calendar.session_on(day) is not None
        ]
        if missing:
            yield (
                f"{len(missing):,} sessions between {played[0]} and {played[-1]} were not played, "
                f"{missing[0]} the first: import their bars and play them"
            )


@dataclass(frozen=True)
class _Draws:
    """The minutes of the strategy's own entries, and how many random entries each trade is compared with."""

    minutes: Sequence[int]
    count: int
    chance: Random


@dataclass(frozen=True)
class _Market:
    day: DayResult
    tapes: Mapping[Symbol, Tape]
    rules: ReplayRules

    def row(self, trade: ClosedTrade, draws: _Draws) -> Traded:
        """Return a trade beside the replay of its entry and of random ones."""
        tape, minute = self.tapes.get(trade.symbol), _minute_of(trade)
        own, random = self._net(trade.symbol, minute), list(self._random(trade.symbol, minute, draws))
        return Traded(
            _plain(self.day),
            trade.symbol,
            float(trade.entry_amount),
            float(trade.net_pnl),
            own,
            fmean(random) if random else None,
            None if tape is None else self._after_costs(tape.move),
            None if tape is None else _sizing(tape.bars, minute),
        )

    def _random(self, own: Symbol, minute: int, draws: _Draws) -> Iterator[float]:
        """Yield results of a random stock of the session at a random minute of the strategy's entries."""
        symbols = list(self.tapes)
        if not symbols:
            return
        for _ in range(draws.count):
            for _ in range(_TRIES):
                drawn = draws.chance.choice(symbols), draws.chance.choice(draws.minutes)
                if drawn != (own, minute) and (found := self._net(*drawn)) is not None:
                    yield found
                    break

    def _net(self, symbol: Symbol, minute: int) -> float | None:
        """Return the net result ÷ entry amount of a replayed entry, None if its minute cannot fill an order."""
        tape = self.tapes.get(symbol)
        place = None if tape is None else tape.at(minute)
        if tape is None or place is None or minute >= self.rules.deadline:
            return None
        return self._after_costs(gross_rate(tape, place, self.rules))

    def _after_costs(self, gross: float) -> float:
        rates = cost_rates(self.day.date)
        return gross - float(rates.commission) - float(rates.commission + rates.tax) * (1 + gross)


def _plain(day: DayResult) -> date:
    return date(*day.date.timetuple()[:3])


def _row(trade: ClosedTrade) -> Traded:
    return Traded(trade.session_date, trade.symbol, float(trade.entry_amount), float(trade.net_pnl))


def _sizing(bars: Sequence[MinuteBar], minute: int) -> Sizing:
    session = float(sum(bar.close * bar.volume for bar in bars))
    own = sum(bar.close * bar.volume for bar in bars if bar.minute == minute)
    return Sizing(session, float(own), volatility_of(max(bar.high for bar in bars), min(bar.low for bar in bars)))


def _minute_of(trade: ClosedTrade) -> int:
    """Return the minute of the day in Seoul in which a trade bought first."""
    return _minutes(in_seoul(trade.opened_at).timetuple()[3:5])


def _minutes(clock: Sequence[int]) -> int:
    return clock[0] * 60 + clock[1]
