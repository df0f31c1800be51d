"""One attempt of the scans' watch: a scan for all waiting workers with the same rules, and offers by signal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from temporalio.service import RPCError, RPCStatusCode

from activities.account.day_start import DayStart
from activities.market.screening import Screening
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.pace import first_answer_or_news
from activities.watch.gates import Gates
from activities.watch.leases import ShardLeases
from activities.watch.messages import Offer, ShardRequest
from activities.watch.reading import kept_current
from activities.watch.shard import ENDS_AFTER, NOT_EMPTY
from activities.watch.waiting import Group, Waiting, WaitingWorkers
from domain.identity import AccountId
from domain.market import Symbol
from domain.screening import Candidate, ScanReport
from domain.watch import SCANS

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

logger = logging.getLogger("haru.watch")

_BETWEEN_LOOKS: Final = timedelta(milliseconds=500)
_LONGEST_PAUSE: Final = timedelta(seconds=5)
_OFFERED_FOR: Final = 3.0
"""Real seconds in which no other worker gets the same stock: its lock is visible by then."""
_AGAIN_AFTER: Final = timedelta(seconds=1)
"""Real time until another offer to a worker that a signal did not reach."""
_ALL_WITHIN: Final = 5.0
"""Real seconds that an attempt which ends gives its signals."""
_ROUND_WITHIN: Final = 60.0
"""Real seconds of a round; a longer one counts as failed, and the next begins."""
_GIVEN_UP_AFTER: Final = 60.0
"""Real seconds without a successful round; then another process may take the scans: this one may lack the broker."""


@dataclass(frozen=True, slots=True)
class ScanParts:
    """What the scans' watch works with."""

    screening: Screening
    day_start: DayStart
    database: "Database"
    pace: "Pace"
    host: HostGate
    offer: Callable[[str, Offer], Awaitable[None]]
    """Delivers an offer to a worker's workflow id."""


class ScansFailError(Exception):
    """This process cannot scan; another one may."""


class ScanWatch:
    """Scans until no worker waits: ``await ScanWatch(…).watch(…)``.

    An offer is a hint. The worker's ``prepare_entry`` locks the stock and looks at it again, so that an offer that is
    lost, repeated or late buys nothing twice.
    """

    def __init__(self, parts: ScanParts, account_id: AccountId, token: int) -> None:
        self._parts = parts
        self._account_id = account_id
        self._token = token
        self._workers = WaitingWorkers(parts.database.scan_wishes, account_id, parts.host.capped)
        self._gates = Gates(parts.database, parts.pace, parts.day_start, parts.host, account_id, self._workers)
        self._rounds: dict[Group, asyncio.Task[None]] = {}
        self._due_at: dict[Group, timedelta] = {}
        self._offers: dict[str, asyncio.Task[None]] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._not_before: dict[str, timedelta] = {}
        self._offered: dict[Symbol, tuple[str, float]] = {}
        """To which worker a stock was offered, and until when no other one gets it."""
        self._fails_since: float | None = None
        """Event-loop time of the first of the rounds that failed in a row."""

    async def watch(self, heart: Heart, empty_since: timedelta | None) -> None:
        """Scan until no worker has waited for a while, earlier attempts included.

        Raises:
            ShardTakenError: a later attempt watches the scans.
            ScansFailError: no round has succeeded for a minute.
        """
        database, workers = self._parts.database, self._workers
        shard = ShardRequest(self._account_id, SCANS)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._finish)
            called = stack.enter_context(database.watch_calls.of(self._account_id, SCANS))
            await workers.read()
            keeping = ShardLeases(database.market_watches, shard, self._token, list, workers.news)
            await stack.enter_async_context(keeping)
            reading = kept_current(workers.read, called)
            stack.push_async_callback(reading.end)
            await reading.begin(0.0)
            while True:
                workers.news.clear()
                keeping.lost()
                self._check_success()
                self._look()
                if not workers.is_empty:
                    empty_since = None
                elif empty_since is None:
                    empty_since = self._parts.pace.waited()
                heart.is_alive(NOT_EMPTY if empty_since is None else empty_since.total_seconds())
                if await self._is_over(empty_since):
                    return
                await self._wait()

    def _look(self) -> None:
        """Begin the rounds that are due; forget the workers whose time for entries is over."""
        now, waited = self._parts.pace.now(), self._parts.pace.waited()
        for each in self._workers:
            if now >= each.request.plan.entries_until and each.scan_id not in self._offers:
                self._beside(self._workers.end(each))
        groups = self._workers.by_group()
        for group in self._due_at.keys() - groups.keys() - self._rounds.keys():
            del self._due_at[group]
        for group, waiting in groups.items():
            if group not in self._rounds and waited >= self._due_at.get(group, timedelta(0)):
                self._due_at[group] = waited + waiting[0].rules.execution.scan_interval
                task = self._rounds[group] = asyncio.create_task(self._round(group))
                task.add_done_callback(lambda _, group=group: self._rounds.pop(group, None))  # type: ignore[misc]

    async def _round(self, group: Group) -> None:
        """Scan once for a group. A fault, or a strategy that hangs, affects only the workers with these rules."""
        try:
            async with asyncio.timeout(_ROUND_WITHIN):
                await self._scan(group)
        except Exception:
            logger.exception("scan_failed", extra={"account": self._account_id})
            self._fails_since = self._fails_since or asyncio.get_running_loop().time()
        else:
            self._fails_since = None

    def _check_success(self) -> None:
        since = self._fails_since
        if since is not None and asyncio.get_running_loop().time() - since > _GIVEN_UP_AFTER:
            raise ScansFailError

    async def _scan(self, group: Group) -> None:
        date, _ = group
        free = self._free(group)
        if not free:
            return
        try:
            await self._gates.read(date, {each.worker_id for each in free})
        except Exception:
            self._offer_orphans(free)  # an adoption does not depend on the risk
            raise
        self._offer_orphans(free)
        free = [each for each in free if self._is_free(each)]
        may_buy = await self._gates.open_for(free) if free else []
        if not may_buy:
            return
        report = await self._parts.screening.look(self._account_id, may_buy[0].rules, partial(self._cooling, group))
        if report is None:
            return
        offers = self._deal([each for each in may_buy if self._is_free(each)], report.candidates)
        if offers:
            await asyncio.wait(offers)
        await self._count(group, may_buy, report)

    def _free(self, group: Group) -> list[Waiting]:
        now = self._parts.pace.now()
        waiting = self._workers.by_group().get(group, [])
        return [each for each in waiting if self._is_free(each) and each.request.plan.entries_allowed_at(now)]

    def _is_free(self, waiting: Waiting) -> bool:
        not_before = self._not_before.get(waiting.scan_id)
        may_begin = not_before is None or self._parts.pace.waited() >= not_before
        return may_begin and waiting.scan_id not in self._offers and self._workers.waits(waiting)

    async def _cooling(self, group: Group) -> frozenset[Symbol]:
        return self._gates.cooling(group[0])

    def _offer_orphans(self, free: Sequence[Waiting]) -> None:
        """Offer each position without a worker to another worker, the largest position first."""
        for symbol, waiting in zip(self._not_offered(self._gates.orphans), free, strict=False):
            self._offer(waiting, Offer(waiting.scan_id, self._parts.pace.now(), orphan=symbol))

    def _deal(self, free: Sequence[Waiting], candidates: Sequence[Candidate]) -> list[asyncio.Task[None]]:
        """Deal the candidates, best first, to the workers with the longest wait; no stock goes to two of them."""
        only = free[0].worker_id if len(free) == 1 else ""
        open_symbols = self._not_offered([candidate.symbol for candidate in candidates], but_to=only)
        dealt = [candidate for candidate in candidates if candidate.symbol in open_symbols]
        takers = free[: len(dealt)]
        now = self._parts.pace.now()
        offers = [Offer(each.scan_id, now, tuple(dealt[number :: len(takers)])) for number, each in enumerate(takers)]
        return [self._offer(waiting, offer) for waiting, offer in zip(takers, offers, strict=True)]

    def _not_offered(self, symbols: Sequence[Symbol], but_to: str = "") -> list[Symbol]:
        """Return the stocks that were not offered lately, except to the worker ``but_to``."""
        now = asyncio.get_running_loop().time()
        self._offered = {symbol: each for symbol, each in self._offered.items() if each[1] > now}
        return [symbol for symbol in symbols if symbol not in self._offered or self._offered[symbol][0] == but_to]

    def _offer(self, waiting: Waiting, offer: Offer) -> asyncio.Task[None]:
        until = asyncio.get_running_loop().time() + _OFFERED_FOR
        symbols = [candidate.symbol for candidate in offer.candidates] + [offer.orphan] * (offer.orphan is not None)
        self._offered |= {symbol: (waiting.worker_id, until) for symbol in symbols if symbol is not None}
        task = self._offers[waiting.scan_id] = asyncio.create_task(self._deliver(waiting, offer))
        task.add_done_callback(lambda _: self._offers.pop(waiting.scan_id, None))
        return task

    async def _deliver(self, waiting: Waiting, offer: Offer) -> None:
        about = {"worker": waiting.worker_id, "scan": waiting.scan_id}
        try:
            await self._parts.offer(waiting.row.workflow_id, offer)
        except Exception as fault:  # noqa: BLE001 - Temporal away: the next scan decides again
            logger.warning("offer_not_delivered", extra={**about, "cause": f"{type(fault).__name__}: {fault}"})
            if not (isinstance(fault, RPCError) and fault.status is RPCStatusCode.NOT_FOUND):
                self._not_before[waiting.scan_id] = self._parts.pace.waited() + _AGAIN_AFTER
                return
        self._not_before.pop(waiting.scan_id, None)
        await self._workers.end(waiting)

    async def _count(self, group: Group, waiting: Sequence[Waiting], report: ScanReport) -> None:
        workers = [each.worker_id for each in waiting]
        about = (self._account_id, group[0], workers, report.looked_at, report.counts)
        await self._parts.database.scan_wishes.count(*about)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _is_over(self, empty_since: timedelta | None) -> bool:
        if empty_since is None or self._parts.pace.waited() - empty_since < ENDS_AFTER:
            return False
        return await self._parts.database.market_watches.release(self._account_id, SCANS, self._token)

    async def _wait(self) -> None:
        """Wait for a wish, the end of a round or a signal's delivery, or until the next round is due."""
        pending: list[asyncio.Task[Any]] = [*self._rounds.values(), *self._offers.values(), *self._ends]
        if pending:
            await first_answer_or_news(pending, self._workers.news, _BETWEEN_LOOKS)
        else:
            await self._parts.pace.pause(self._until_due(), self._workers.news)

    def _until_due(self) -> timedelta:
        if not self._due_at:
            return _BETWEEN_LOOKS
        return min(max(min(self._due_at.values()) - self._parts.pace.waited(), timedelta(0)), _LONGEST_PAUSE)

    async def _finish(self) -> None:
        for task in self._rounds.values():
            task.cancel()
        under_way = [*self._offers.values(), *self._ends]
        if under_way:
            _, left = await asyncio.wait(under_way, timeout=_ALL_WITHIN)
            for task in left:
                task.cancel()
