"""Walk-forward windows: the trial that was best in training is reported by the sessions after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Final, NamedTuple

from lab.trials import SHARED, Trial, TrialDay

_SESSIONS_A_YEAR: Final = 252


@dataclass(frozen=True, slots=True)
class Window:
    """Sessions for choosing and sessions for reporting. Those between them are in neither."""

    train: tuple[date, ...]
    test: tuple[date, ...]


class Figures(NamedTuple):
    """What a trial earned in some sessions: won, after costs in ``net``."""

    sessions: int
    trades: int
    wins: int
    gross: int
    net: int
    stakes: int
    sharpe: float
    """Mean ÷ standard deviation of the daily net results, × √252; 0 without a trade."""

    @property
    def net_bp(self) -> float:
        """Return the net result in basis points of the stakes."""
        return self.net / self.stakes * 10_000 if self.stakes else 0.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A window with the trial that its training has chosen."""

    window: Window
    trial: Trial
    tried: int
    train: Figures
    test: Figures


def windows_of(sessions: Sequence[date], train: int, test: int, gap: int) -> tuple[Window, ...]:
    """Return windows that move by the length of a test, so that no session is reported twice."""
    found = []
    start = 0
    while start + train + gap + test <= len(sessions):
        tested = start + train + gap
        found.append(Window(tuple(sessions[start : start + train]), tuple(sessions[tested : tested + test])))
        start += test
    return tuple(found)


def figures(days: Sequence[TrialDay]) -> Figures:
    """Return the sums and the Sharpe ratio of some sessions of a trial."""
    nets = [day.net for day in days]
    mean = sum(nets) / len(nets) if nets else 0.0
    deviation = sqrt(sum((net - mean) ** 2 for net in nets) / (len(nets) - 1)) if len(nets) > 1 else 0.0
    return Figures(
        len(days),
        sum(day.trades for day in days),
        sum(day.wins for day in days),
        sum(day.gross for day in days),
        sum(nets),
        sum(day.stakes for day in days),
        mean / deviation * sqrt(_SESSIONS_A_YEAR) if deviation else 0.0,
    )


def between(days: Sequence[TrialDay], sessions: Sequence[date]) -> Figures:
    """Return the figures of one trial in some sessions."""
    wanted = frozenset(sessions)
    return figures([day for day in days if day.date in wanted])


def score(found: Figures) -> tuple[bool, float, int]:
    """Return what a search maximises: a trial that trades, then the Sharpe ratio, then the net result."""
    return bool(found.trades), found.sharpe, found.net


def walked(
    windows: Sequence[Window], trials: Sequence[Trial], days: Mapping[int, Sequence[TrialDay]]
) -> tuple[Chosen, ...]:
    """Return what each window's training chooses among its own and the shared trials; the first of equal ones."""
    found = []
    for fold, window in enumerate(windows):
        own = [trial for trial in trials if trial.fold in (SHARED, fold) and trial.number in days]
        if not own:
            continue
        trained = {trial.number: between(days[trial.number], window.train) for trial in own}
        best = max(own, key=lambda trial: (score(trained[trial.number]), -trial.number))
        tested = between(days[best.number], window.test)
        found.append(Chosen(window, best, len(own), trained[best.number], tested))
    return tuple(found)
