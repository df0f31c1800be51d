"""Scanning: check the universe until a strategy would buy, without an event in the workflow history."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.day_start import DayStart
from activities.market.quote_feed import QuoteFeed
from activities.market.screening import Screening
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.recorder import DayRecorder
from domain.errors import TradingError
from domain.events.entries import entries_denied, rules_above_host_limits
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.risk import Denial, Denied
from domain.rules import TradingRules
from domain.screening import Candidate, ScanReport
from domain.session import SessionDate, SessionPlan
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from broker.protocol import Broker
    from database.database import Database


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """Worker that scans, its rules, and the session plan that limits the scan (market time)."""

    account_id: AccountId
    worker_id: WorkerId
    rules: TradingRules
    plan: SessionPlan


@dataclass(frozen=True, slots=True)
class Findings:
    """Result of a scan; an orphan is a position whose worker is gone."""

    candidates: tuple[Candidate, ...] = ()
    orphan: Symbol | None = None
    scanned_at: datetime | None = None
    """Market time of an offer's scan; None for a scan of the worker's own, whose result it awaits."""


class MarketDataActivities:
    """Reads the market for the scanning workers; all workers of a process share one feed."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        feed: QuoteFeed,
        broker: "Broker",
        database: "Database",
        pace: "Pace",
        day_start: DayStart,
        *,
        guard: "StrategyGuard",
        host: HostGate | None = None,
        recorder: DayRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self.screening = Screening(feed, broker, database, pace, guard, recorder=recorder)
        self._host = host or HostGate()
        self._day_start = day_start
        self._database = database
        self._pace = pace

    @activity.defn
    async def find_candidates(self, request: ScanRequest) -> Findings:
        """Scan until there are candidates or an orphan; an empty result means that the time for entries is over.

        The scan follows the stricter of the worker's rules and the host's; looser rules of the worker are reported.
        """
        await report_looser_rules(self._database, self._host, request, self._pace.now())
        request = replace(request, rules=self._host.capped(request.rules))
        if self._recorder is not None:
            self._recorder.rules(request.worker_id, request.rules, self._pace.now())
        await self._show(request, "scanning")
        reported: Denial | None = None
        async with Heart() as heart:
            while request.plan.entries_allowed_at(self._pace.now()):
                heart.progress()
                orphans = await self._database.locks.orphans(request.account_id)
                if orphans:
                    return Findings(orphan=orphans[0])
                shut = await self._shut_gate(request)
                if shut is not None and shut.denial is not reported:
                    reported = await self._report_denial(shut, request)
                elif shut is None and reported is not None:
                    reported = None
                    await self._show(request, "scanning")
                report = await self._scanned(request) if shut is None else None
                if report is not None and report.candidates:
                    return Findings(report.candidates)
                await self._pace.pause(request.rules.execution.scan_interval)
        return Findings()

    async def _shut_gate(self, request: ScanRequest) -> Denied | None:
        """Return why no stock may be bought now: a worker that may not buy does not scan."""
        now = self._pace.now()
        snapshot = await self._database.risk.snapshot(
            request.account_id, request.worker_id, request.plan.session.date, now
        )
        denied = self._host.standing_denial(snapshot, request.rules, request.plan, now)
        return denied or await unconfirmed(self._day_start, request.account_id, request.plan.session.date)

    async def _report_denial(self, shut: Denied, request: ScanRequest) -> Denial:
        about = (request.account_id, request.plan.session.date, request.worker_id)
        event = entries_denied(*about, shut, self._pace.now())
        key = f"denied/{activity.info().workflow_run_id}/{shut.denial}"
        await self._database.events.append(replace(event, key=key))
        await self._show(request, f"not buying: {shut.detail}")
        return shut.denial

    async def _show(self, request: ScanRequest, word: str) -> None:
        about = (request.account_id, request.worker_id, WorkerState.SCANNING, None, word, self._pace.now())
        show = partial(self._database.workers.enter, *about)
        await self._database.reports.write("worker_state", request.worker_id, show)

    async def _scanned(self, request: ScanRequest) -> ScanReport | None:
        report = await self.screening.look(request.account_id, request.rules, partial(self._cooling, request))
        return report and await self._counted(request, report)

    async def scan(self, request: ScanRequest) -> ScanReport:
        """Check the whole universe once and count what each filter dropped."""
        report = await self.screening.scan(request.account_id, request.rules, partial(self._cooling, request))
        return await self._counted(request, report)

    async def _counted(self, request: ScanRequest, report: ScanReport) -> ScanReport:
        about = (request.account_id, request.plan.session.date, request.worker_id)
        await self._database.events.add_scan(*about, report.looked_at, report.counts)
        return report

    async def _cooling(self, request: ScanRequest) -> frozenset[Symbol]:
        about = (request.account_id, request.worker_id, request.plan.session.date)
        return (await self._database.risk.snapshot(*about, self._pace.now())).symbols_cooling_down


async def report_looser_rules(database: "Database", host: HostGate, request: ScanRequest, now: datetime) -> None:
    """Report, once per session and worker, which rules are looser than this host allows; market time."""
    found = host.above(request.rules)
    if found:
        about = (request.account_id, request.plan.session.date, request.worker_id)
        await database.events.append(rules_above_host_limits(*about, found, now))


async def unconfirmed(day_start: DayStart, account_id: AccountId, day: SessionDate) -> Denied | None:
    """Return why the day allows no entries: the broker lists it as closed, or has not answered yet."""
    try:
        objection = await day_start.compare(account_id, day)
    except TradingError as fault:
        objection = not_confirmed(fault)
    return closed_because(objection)


def not_confirmed(fault: TradingError) -> str:
    """Return why a day about which the broker has not answered allows no entries."""
    return f"the broker has not confirmed that today is a session: {fault}"


def closed_because(objection: str) -> Denied | None:
    """Return the denial of a day with an objection; None without one."""
    return Denied(Denial.ENTRIES_CLOSED, objection) if objection else None
