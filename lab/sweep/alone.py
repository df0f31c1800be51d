"""Trials of which every signal stands alone, as if each stock had a worker of its own, with exits as data.

Where every strategy has an entry rule and no filter of code drops stocks, the entries are compiled too.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from domain.close_plan import sellable_quantity, traded_per_minute
from domain.costs import CostRates, cost_rates
from domain.market import Market
from domain.money import NO_SHARES, Quantity, Won
from domain.pricing import entry_limit, size_entry
from domain.rules import ExecutionRules, RiskRules, TradingRules
from domain.screening import ScreenedStock, first_failed_filter
from domain.session import SessionPlan
from lab.recording import RecordedSession
from lab.sweep.columns import Columns
from lab.sweep.compiled import Bought, Exits, Numbers, Sums
from lab.sweep.entries import batches, entry_of, met
from lab.sweep.scene import Scene
from lab.trials import Kernel, TrialDay

_MINUTE: Final = 60
_NONE: Final = -1


class AloneSession:
    """One session for trials whose signals stand alone."""

    def __init__(
        self, recorded: RecordedSession, plan: SessionPlan, capital: int, open_scene: Callable[[], Scene]
    ) -> None:
        self.columns = Columns(recorded)
        self.plan, self.capital = plan, capital
        self.scene: Scene | None = None
        """The session as code sees it; None while no strategy has been asked."""
        self._open_scene = open_scene
        self._rates: CostRates = cost_rates(recorded.session.date)
        self._until = -(-self._second(plan.entries_until) // _MINUTE)
        self._deadline = min(self._second(plan.liquidation_at) // _MINUTE, self.columns.minutes)

    def days(self, trials: "AloneTrials") -> tuple[TrialDay, ...]:
        """Return what each trial earns."""
        sums, day = Sums.of(trials.exits.count), self.columns.session.date
        firsts, kernels = self.first_signals(trials)
        self.columns.kept.clear()
        for row in range(len(self.columns.stocks)):
            for minute, sizing, sets in trials.cells(firsts[:, row]):
                bought = self.purchase(row, minute, trials.sizings[sizing])
                if bought is not None:
                    sums.add(bought, trials.exits.sold(bought, sets), self._rates, sets)
        return tuple(sorted(sums.days(trials.numbers, day, [kernels[each] for each in trials.entry_of])))

    def first_signals(self, trials: "AloneTrials") -> tuple[Numbers, list[Kernel]]:
        """Return of each group of entries the minute of each stock's first signal, -1 without one, and the kernel."""
        firsts = np.full((len(trials.entries), len(self.columns.stocks)), _NONE, dtype=np.int64)
        compiled = [place for place, each in enumerate(trials.compiled) if each is not None]
        entries = [each for each in trials.compiled if each is not None]
        for batch in batches(entries, self.columns.opens.size):
            self._fill(firsts, trials, [compiled[each] for each in batch])
        for place in set(range(len(firsts))).difference(compiled):
            firsts[place] = self._asked(trials.entries[place])
        return firsts, [Kernel.EXITS if each is None else Kernel.COMPILED for each in trials.compiled]

    def _fill(self, firsts: Numbers, trials: "AloneTrials", places: Sequence[int]) -> None:
        """Write the first signals of entries that are evaluated together."""
        cells = met(self.columns, [each for place in places if (each := trials.compiled[place]) is not None])
        possible, sure = cells.possible[:, :, : self._until], cells.sure[:, :, : self._until]
        if not self._until:
            return
        found = possible.argmax(axis=2)[:, :, np.newaxis]
        is_found = np.take_along_axis(possible, found, axis=2)
        found = np.where(is_found, found, _NONE)[:, :, 0]
        firsts[places] = found
        is_open = (is_found & ~np.take_along_axis(sure, np.maximum(found, 0)[:, :, np.newaxis], axis=2))[:, :, 0]
        opened = np.broadcast_to(is_open, (len(places), len(self.columns.stocks)))
        for at, row in np.argwhere(opened).tolist():
            own = at if len(possible) > 1 else 0
            minutes = np.flatnonzero(possible[own, row]).tolist()
            rules = trials.entries[places[at]]
            is_met = (minute for minute in minutes if sure[own, row, minute] or self._is_met(row, minute, rules))
            firsts[places[at], row] = next(is_met, _NONE)

    def _is_met(self, row: int, minute: int, rules: TradingRules) -> bool:
        """Ask the pure functions about one cell, which rounding leaves open."""
        view = self.columns.view_at(row, minute)
        stock = ScreenedStock(view, None, locked=False, cooling_down=False)
        at, age = view.quote.observed_at, rules.execution.greatest_quote_age
        if first_failed_filter(stock, rules.screening, at, age) is not None:
            return False
        entry = entry_of(rules)
        return entry is not None and any(rule.met(view, parameters) is not None for rule, parameters in entry.rules)

    def _asked(self, rules: TradingRules) -> Numbers:
        """Return the first signals that strategies and filters give when they are asked."""
        if self.scene is None:
            self.scene = self._open_scene()
        scene, rows = self.scene, {symbol: row for row, symbol in enumerate(self.columns.symbols)}
        signals, firsts = scene.signals_of(rules), np.full(len(rows), _NONE, dtype=np.int64)
        for minute in range(self._until):
            for signal in scene.signals_at(signals, minute):
                row = rows[signal.candidate.symbol]
                firsts[row] = minute if firsts[row] < 0 else firsts[row]
            if (firsts >= 0).all():
                break
        return firsts

    def purchase(self, row: int, minute: int, rules: tuple[RiskRules, ExecutionRules]) -> Bought | None:
        """Return a purchase, None if it cannot be paid, or not be sold by the close."""
        columns, (risk, execution) = self.columns, rules
        view = columns.view_at(row, minute, bars=False)
        quote, at = view.quote, view.quote.observed_at
        traded = traded_per_minute(view.recent, quote.volume, columns.session, at)
        sellable = NO_SHARES if traded is None else sellable_quantity(columns.session, at, traded)
        limit, capital = entry_limit(quote, execution), self.capital
        quantity = min(size_entry(limit, Quantity(capital), Won(capital), risk, self._rates), sellable)
        if not quantity:
            return None
        market, path = quote.market or Market.KOSPI, columns.path[row]
        return Bought(quote.ask or quote.price, quantity, minute, market, path, self._deadline)

    def _second(self, at: Any) -> int:
        return int((at - self.columns.session.opens_at).total_seconds())


class AloneTrials:
    """Trials by what decides their purchases: entries (screening, strategy) and sizings (risk, execution)."""

    def __init__(self, trials: Sequence[tuple[int, TradingRules]]) -> None:
        entries: dict[Any, int] = {}
        sizings: dict[Any, int] = {}
        self.numbers = [number for number, _ in trials]
        self.exits = Exits([rules.exits for _, rules in trials])
        self.entries: list[TradingRules] = []
        """One trial's rules of each group of entries."""
        self.entry_of: list[int] = []
        sizing_of = []
        for _, each in trials:
            place = entries.setdefault((each.screening, each.strategy), len(entries))
            if place == len(self.entries):
                self.entries.append(each)
            self.entry_of.append(place)
            sizing_of.append(sizings.setdefault((each.risk, each.execution), len(sizings)))
        self.sizings: list[tuple[RiskRules, ExecutionRules]] = list(sizings)
        self.compiled = [None if each.screening.custom_filters else entry_of(each) for each in self.entries]
        """The entries as data; None where code decides them."""
        self._entry_of, self._sizing_of = np.array(self.entry_of), np.array(sizing_of)

    def cells(self, minutes: Numbers) -> list[tuple[int, int, Numbers | None]]:
        """Return minute, sizing and trials of each different purchase of a stock; None for all trials."""
        sizings = len(self.sizings)
        if len(self.entries) == 1 and sizings == 1:
            return [(int(minutes[0]), 0, None)] if minutes[0] >= 0 else []
        cells = minutes[self._entry_of] * sizings + self._sizing_of
        found = [int(cell) for cell in np.unique(cells) if cell >= 0]
        return [(*divmod(cell, sizings), np.flatnonzero(cells == cell)) for cell in found]
