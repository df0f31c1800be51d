"""The processes of a sweep: each plays all trials of a batch over one session, then over the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from domain.close_plan import CloseLeads, plan_session
from domain.market import Symbol
from domain.rule_changes import changed
from domain.rules import TradingRules
from domain.session import TradingCalendar
from history.store import BarStore
from lab.hands import bars_hash, begin_process, collect_rarely
from lab.recording import read_session
from lab.sources import SourcesDifferError
from lab.sweep.kernel import play_variant
from lab.sweep.scene import Scene
from lab.sweep.trades import PlayedVariant
from lab.trials import Trial, TrialDay


@dataclass(frozen=True)
class SweepJob:
    """Everything that a process needs to play trials."""

    bars: Path
    rules: TradingRules
    calendar: TradingCalendar
    workers: int
    capital: int
    leads: CloseLeads = field(default_factory=CloseLeads)
    strategies: Path | None = None
    """Where the operator's own strategies are."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the parent's sources."""
    alone: bool = False
    """Whether every signal stands alone, with exits as data."""


@dataclass(frozen=True)
class PlayedTrials:
    """What a batch's trials earned in one session, and how many calls of strategies have failed."""

    date: date
    bars: str
    days: tuple[TrialDay, ...]
    faults: int = 0


def rules_of_trial(rules: TradingRules, trial: Mapping[str, str]) -> TradingRules:
    """Return the rules of a trial."""
    return replace(changed(rules, trial), version=1) if trial else rules


class SweepHand:
    """One process. The pool calls ``begin`` once, then ``play`` for each session."""

    job: SweepJob
    store: BarStore
    other: Sequence[str] = ()
    rules: dict[int, TradingRules]

    @classmethod
    def begin(cls, job: SweepJob) -> None:
        """Load the strategies; without a parent the process ends."""
        cls.other = begin_process(job.strategies, job.rules, job.sources)
        cls.job, cls.store, cls.rules = job, BarStore(job.bars), {}
        collect_rarely()

    @classmethod
    def play(cls, day: date, symbols: Sequence[Symbol] | None, trials: Sequence[Trial]) -> PlayedTrials:
        """Play trials over one session.

        Raises:
            SourcesDifferError: the sources have changed since the parent read them.
            HistoryError: the session's bars cannot be read.
        """
        if cls.other:
            raise SourcesDifferError(", ".join(cls.other))
        bars = bars_hash(cls.job.bars, day)
        scene = scene_of(cls.job, cls.store, day, symbols)
        if scene is None:
            return PlayedTrials(day, bars, tuple(TrialDay(trial.number, day) for trial in trials))
        if cls.job.alone:
            from lab.sweep.alone import days_alone  # noqa: PLC0415 - it needs NumPy, an extra

            played = days_alone(scene, [(trial.number, cls._rules(trial)) for trial in trials], cls.job.capital)
        else:
            played = tuple(day_of(trial.number, day, cls._played(scene, trial)) for trial in trials)
        return PlayedTrials(day, bars, played, scene.faults)

    @classmethod
    def trades(cls, day: date, symbols: Sequence[Symbol] | None, trial: Trial) -> tuple[date, PlayedVariant]:
        """Play one trial over one session and return its trades.

        Raises:
            SourcesDifferError, HistoryError: as ``play``.
        """
        if cls.other:
            raise SourcesDifferError(", ".join(cls.other))
        scene = scene_of(cls.job, cls.store, day, symbols)
        return day, PlayedVariant() if scene is None else cls._played(scene, trial)

    @classmethod
    def _played(cls, scene: Scene, trial: Trial) -> PlayedVariant:
        return play_variant(scene, cls._rules(trial), cls.job.workers, cls.job.capital)

    @classmethod
    def _rules(cls, trial: Trial) -> TradingRules:
        found = cls.rules.get(trial.number)
        if found is None:
            found = cls.rules[trial.number] = rules_of_trial(cls.job.rules, trial.rules)
        return found


def scene_of(job: SweepJob, store: BarStore, day: date, symbols: Sequence[Symbol] | None) -> Scene | None:
    """Read a session for all trials; None if the exchange is closed, or no stock of it can be played."""
    session = job.calendar.session_on(day)
    if session is None:
        return None
    recorded = read_session(store, session, symbols)
    if not recorded.stocks:
        return None
    return Scene(recorded, plan_session(session, job.leads, 1, job.workers), job.capital, job.calendar)


def day_of(trial: int, day: date, played: PlayedVariant) -> TrialDay:
    """Return the sums of a played session."""
    trades = played.trades
    return TrialDay(
        trial,
        day,
        len(trades),
        sum(trade.net > 0 for trade in trades),
        sum(trade.gross for trade in trades),
        sum(trade.net for trade in trades),
        sum(trade.entry_amount for trade in trades),
    )
