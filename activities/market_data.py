"""Scanning: check the universe until a strategy would buy, without an event in the workflow history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.day_start import DayStart
from activities.market.left_out import STOCK_FAULTS, LeftOut, OnlyOne, StockFault
from activities.market.quote_feed import QuoteFeed
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.single_flight import SingleFlight
from domain.errors import TradingError, TryAgainError
from domain.events.entries import entries_denied, rules_above_host_limits
from domain.identity import AccountId, WorkerId
from domain.lane import Lane
from domain.market import Symbol
from domain.risk import Denial, Denied
from domain.rules import TradingRules
from domain.screening import (
    Candidate,
    ScanReport,
    ScreenedStock,
    ScreeningFilter,
    first_failed_filter,
    select_candidates,
)
from domain.session import SessionPlan
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from broker.protocol import Broker
    from database.database import Database

_RANKING_AGE: Final = timedelta(seconds=30)
_STATUS_AGE: Final = timedelta(seconds=20)
_MOST_RANKED: Final = 30
"""As many as the broker ranks; a worker uses as many of them as its rules allow."""


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
    ) -> None:
        self._feed = feed
        self._host = host or HostGate()
        self._guard = guard
        self._left_out = LeftOut(database, pace)
        self._day_start = day_start
        self._broker = broker
        self._database = database
        self._pace = pace
        self._ranking: tuple[Symbol, ...] = ()
        self._ranked_until: datetime | None = None
        self._asked_ranking: SingleFlight[None, None] = SingleFlight()
        self._turn = 0

    @activity.defn
    async def find_candidates(self, request: ScanRequest) -> Findings:
        """Scan until there are candidates or an orphan; an empty result means that the time for entries is over.

        The scan follows the stricter of the worker's rules and the host's; looser rules of the worker are reported.
        """
        await self._report_looser_rules(request)
        request = replace(request, rules=self._host.capped(request.rules))
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

    async def _report_looser_rules(self, request: ScanRequest) -> None:
        """Report, once per session and worker, which rules are looser than this host allows."""
        found = self._host.above(request.rules)
        if found:
            about = (request.account_id, request.plan.session.date, request.worker_id)
            await self._database.events.append(rules_above_host_limits(*about, found, self._pace.now()))

    async def _shut_gate(self, request: ScanRequest) -> Denied | None:
        """Return why no stock may be bought now: a worker that may not buy does not scan."""
        now = self._pace.now()
        snapshot = await self._database.risk.snapshot(
            request.account_id, request.worker_id, request.plan.session.date, now
        )
        denied = self._host.standing_denial(snapshot, request.rules, request.plan, now)
        return denied or await self._unconfirmed(request)

    async def _unconfirmed(self, request: ScanRequest) -> Denied | None:
        """Return why the day allows no entries: the broker lists it as closed, or has not answered yet."""
        try:
            objection = await self._day_start.compare(request.account_id, request.plan.session.date)
        except TradingError as fault:
            objection = f"the broker has not confirmed that today is a session: {fault}"
        return Denied(Denial.ENTRIES_CLOSED, objection) if objection else None

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
        try:
            return await self.scan(request)
        except TryAgainError as fault:
            activity.logger.warning("scan_postponed", extra={"cause": str(fault)})
        except STOCK_FAULTS as fault:
            await self._left_out.report(request.account_id, None, fault)
        return None

    async def scan(self, request: ScanRequest) -> ScanReport:
        """Check the whole universe once and count what each filter dropped."""
        rules, screening = request.rules, request.rules.screening
        universe = self._next_part(await self._universe(request))
        stocks = await self._in_view(universe, request)
        now, age = self._pace.now(), self._greatest_age(rules)
        passed = [stock for stock in stocks if first_failed_filter(stock, screening, now, age) is None]
        judged = {_symbol_of(stock): stock for stock in await self._guard.judged(passed, rules, request.account_id)}
        shortlist = select_candidates([judged.get(_symbol_of(stock), stock) for stock in stocks], screening, now, age)
        checked = await self._with_status(judged, shortlist, request.account_id)
        report = select_candidates(checked, screening, now, age)
        unreadable = len(universe) - len(stocks) + len(shortlist.candidates) - len(checked)
        dropped = (
            Counter(shortlist.dropped) + Counter(report.dropped) + Counter({ScreeningFilter.UNREADABLE: unreadable})
        )
        by_custom = Counter(shortlist.dropped_by_custom)
        await self._count(request, len(universe), [*dropped.items(), *by_custom.items()])
        return ScanReport(len(universe), report.candidates, dict(dropped), dict(by_custom))

    async def _count(self, request: ScanRequest, looked_at: int, dropped: Sequence[tuple[str, int]]) -> None:
        date = request.plan.session.date
        named = {str(name): count for name, count in dropped}
        await self._database.events.add_scan(request.account_id, date, request.worker_id, looked_at, named)

    async def _in_view(self, universe: Sequence[Symbol], request: ScanRequest) -> list[ScreenedStock]:
        """Return the readable stocks; report and skip each unreadable one."""
        greatest_age = self._pace.clock.market_duration(request.rules.execution.scan_interval)
        unreadable = await self._feed.learn_references(universe, Lane.SCAN)
        await self._report(unreadable, request.account_id)
        readable = [symbol for symbol in universe if symbol not in unreadable]
        quotes = await self._feed.quotes(readable, greatest_age, Lane.SCAN)
        locked = await self._database.locks.locked_symbols(request.account_id)
        risk = await self._database.risk.snapshot(
            request.account_id, request.worker_id, request.plan.session.date, self._pace.now()
        )
        return [
            ScreenedStock(
                view=self._feed.view_of(quote),
                status=self._feed.known_status(symbol, self._status_age()),
                locked=symbol in locked,
                cooling_down=symbol in risk.symbols_cooling_down,
            )
            for symbol, quote in quotes.items()
        ]

    async def _report(self, faults: Mapping[Symbol, StockFault], account_id: AccountId) -> None:
        for symbol, fault in faults.items():
            await self._left_out.report(account_id, symbol, fault)

    async def _universe(self, request: ScanRequest) -> tuple[Symbol, ...]:
        universe = request.rules.universe
        if universe.ranking_size and self._ranking_is_old():
            try:
                await self._asked_ranking.answer(None, self._ask_ranking)
            except STOCK_FAULTS as fault:  # the last readable ranking still applies
                await self._left_out.report(request.account_id, None, fault)
        return tuple(dict.fromkeys((*universe.symbols, *self._ranking[: universe.ranking_size])))

    async def _ask_ranking(self) -> None:
        self._ranked_until = self._pace.now() + self._pace.clock.market_duration(_RANKING_AGE)
        try:
            self._ranking = await self._broker.volume_leaders(_MOST_RANKED, Lane.SCAN)
        except TryAgainError:
            self._ranked_until = None
            raise

    def _next_part(self, universe: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """Return the stocks of this scan: all, or in rotation as many as can be priced before a price expires."""
        most = self._broker.most_stocks_per_scan
        if most is None or len(universe) <= most:
            return universe
        start = self._turn % len(universe)
        self._turn = start + most
        return (*universe[start:], *universe[:start])[:most]

    def _ranking_is_old(self) -> bool:
        return self._ranked_until is None or self._pace.now() >= self._ranked_until

    async def _with_status(
        self, stocks: Mapping[Symbol, ScreenedStock], shortlist: ScanReport, account_id: AccountId
    ) -> list[ScreenedStock]:
        """Return the candidates with board and flags; skip those with a refused or malformed reply."""
        checked, faults, only_one = list[ScreenedStock](), dict[Symbol, StockFault](), OnlyOne()
        for symbol in (candidate.symbol for candidate in shortlist.candidates):
            try:
                status = await self._feed.status(symbol, self._status_age(), Lane.SCAN)
            except STOCK_FAULTS as fault:
                faults[symbol] = fault
            except TryAgainError as fault:
                only_one.bear(symbol, fault)
                faults[symbol] = fault
            else:
                checked.append(replace(stocks[symbol], status=status))
        await self._report(faults, account_id)
        return checked

    def _status_age(self) -> timedelta:
        return self._pace.clock.market_duration(_STATUS_AGE)

    def _greatest_age(self, rules: TradingRules) -> timedelta:
        return self._pace.clock.market_duration(rules.execution.greatest_quote_age)


def _symbol_of(stock: ScreenedStock) -> Symbol:
    return stock.view.quote.symbol
