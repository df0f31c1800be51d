"""The processes of a sweep: each plays all trials of a batch over one session, then over the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from domain.close_plan import CloseLeads, plan_session
from domain.market import Symbol
from domain.rule_changes import changed
from domain.rules import TradingRules
from domain.session import SessionPlan, TradingCalendar
from history.store import BarStore
from lab.hands import bars_hash, begin_process, collect_rarely
from lab.recording import RecordedSession, read_session
from lab.sources import SourcesDifferError
from lab.sweep.kernel import play_variant
from lab.sweep.scene import Entries, Scene
from lab.sweep.trades import PlayedVariant
from lab.trials import Kernel, Trial, TrialDay

if TYPE_CHECKING:
    from lab.sweep.alone import AloneTrials


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
    alone: "tuple[tuple[int, ...], AloneTrials] | None" = None
    """The last batch whose signals stand alone, by the numbers of its trials."""

    @classmethod
    def begin(cls, job: SweepJob) -> None:
        """Load the strategies; without a parent the process ends."""
        cls.other = begin_process(job.strategies, job.rules, job.sources)
        cls.job, cls.store, cls.rules, cls.alone = job, BarStore(job.bars), {}, None
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
        recorded = recorded_of(cls.job, cls.store, day, symbols)
        if recorded is None:
            return PlayedTrials(day, bars, tuple(TrialDay(trial.number, day) for trial in trials))
        if cls.job.alone:
            return cls._alone(recorded, bars, trials)
        scene = scene_of(cls.job, recorded)
        played = tuple(
            day_of(trial.number, day, cls._played(scene, trial), kernel_of(scene, cls._rules(trial)))
            for trial in trials
        )
        return PlayedTrials(day, bars, played, scene.faults)

    @classmethod
    def _alone(cls, recorded: RecordedSession, bars: str, trials: Sequence[Trial]) -> PlayedTrials:
        from lab.sweep.alone import AloneSession, AloneTrials  # noqa: PLC0415 - it needs NumPy, an extra

        job, numbers = cls.job, tuple(trial.number for trial in trials)
        if cls.alone is None or cls.alone[0] != numbers:
            cls.alone = numbers, AloneTrials([(trial.number, cls._rules(trial)) for trial in trials])
        session = AloneSession(recorded, plan_of(job, recorded), job.capital, partial(scene_of, job, recorded))
        days = session.days(cls.alone[1])
        return PlayedTrials(recorded.session.date, bars, days, 0 if session.scene is None else session.scene.faults)

    @classmethod
    def trades(cls, day: date, symbols: Sequence[Symbol] | None, trial: Trial) -> tuple[date, PlayedVariant]:
        """Play one trial over one session and return its trades.

        Raises:
            SourcesDifferError, HistoryError: as ``play``.
        """
        if cls.other:
            raise SourcesDifferError(", ".join(cls.other))
        recorded = recorded_of(cls.job, cls.store, day, symbols)
        return day, PlayedVariant() if recorded is None else cls._played(scene_of(cls.job, recorded), trial)

    @classmethod
    def _played(cls, scene: Scene, trial: Trial) -> PlayedVariant:
        return play_variant(scene, cls._rules(trial), cls.job.workers, cls.job.capital)

    @classmethod
    def _rules(cls, trial: Trial) -> TradingRules:
        found = cls.rules.get(trial.number)
        if found is None:
            found = cls.rules[trial.number] = rules_of_trial(cls.job.rules, trial.rules)
        return found


def recorded_of(job: SweepJob, store: BarStore, day: date, symbols: Sequence[Symbol] | None) -> RecordedSession | None:
    """Read a session; None if the exchange is closed, or no stock of it can be played."""
    session = job.calendar.session_on(day)
    recorded = None if session is None else read_session(store, session, symbols)
    return recorded if recorded is not None and recorded.stocks else None


def scene_of(job: SweepJob, recorded: RecordedSession) -> Scene:
    """Open a session for all trials."""
    return Scene(recorded, plan_of(job, recorded), job.capital, job.calendar, _entries_of(recorded))


def kernel_of(scene: Scene, rules: TradingRules) -> Kernel:
    """Return what decides the entries of a fleet with these rules."""
    return Kernel.FUNCTIONS if scene.signals_of(rules).chosen is None else Kernel.ENTRIES


def _entries_of(recorded: RecordedSession) -> Entries | None:
    """Return the compiled entries of a session, None without NumPy."""
    try:
        from lab.sweep.entries import CompiledEntries  # noqa: PLC0415 - it needs NumPy, an extra
    except ImportError:
        return None
    return CompiledEntries(recorded)


def plan_of(job: SweepJob, recorded: RecordedSession) -> SessionPlan:
    """Return the hours in which the fleet of a job buys and sells."""
    return plan_session(recorded.session, job.leads, 1, job.workers)


def day_of(trial: int, day: date, played: PlayedVariant, kernel: Kernel) -> TrialDay:
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
        kernel,
    )
