"""The positions of a shard, kept current with the ledger; an odd row affects only its own position."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from activities.market.bells import SharedBell
from activities.market.price_alarm import PriceAlarm
from activities.market.quote_feed import QuoteFeed
from activities.market.sale_start import SaleStart
from activities.watch.judging import Watched
from activities.watch.messages import ShardRequest, WatchRequest
from activities.watch.stored import request_in
from domain.identity import PositionId, WorkerId
from domain.lock import Lease
from domain.market import Symbol
from domain.position import OpenPosition
from domain.watch import WatchRow

if TYPE_CHECKING:
    from database.database import Database

logger = logging.getLogger("haru.watch")


class Holdings:
    """What the shard holds. ``moved`` collects the stocks to judge; ``news`` wakes the loop."""

    def __init__(
        self, database: "Database", feed: QuoteFeed, request: ShardRequest, alarm: Callable[[], PriceAlarm]
    ) -> None:
        self._database = database
        self._feed = feed
        self._request = request
        self._new_alarm = alarm
        self.news = asyncio.Event()
        self.moved: set[Symbol] = set()
        self.over: list[WatchRow] = []
        """Rows whose position is over."""
        self.sent: list[tuple[WatchRow, WatchRequest]] = []
        """Rows whose first order is recorded, by any attempt; they are not judged, and their leases not renewed."""
        self._closed: set[WorkerId] = set()
        self._watched: dict[WorkerId, Watched] = {}
        self._bells: dict[WorkerId, ExitStack] = {}
        self._ended: dict[WorkerId, datetime] = {}
        """Versions of wishes that this attempt has ended: a read that began before must not bring them back."""
        self._odd: dict[WorkerId, str] = {}

    def __iter__(self) -> Iterator[Watched]:
        return iter(tuple(self._watched.values()))

    @property
    def is_empty(self) -> bool:
        """Return whether the shard has no wish, not even an odd one."""
        return not (self._watched or self._odd or self.over or self.sent)

    def leases(self) -> list[Lease]:
        """Return the leases of the positions that are judged: one that is not has no watcher."""
        now = asyncio.get_running_loop().time()
        return [each.request.lease for each in self if each.is_judged(now) and not each.is_handed_over]

    def is_over(self, row: WatchRow) -> bool:
        """Return whether the position of a row is over."""
        return row.worker_id in self._closed

    def hand_over(self, row: WatchRow) -> None:
        """Renew the lease of this position no more."""
        known = self._watched.get(row.worker_id)
        if known is not None:
            known.is_handed_over = True

    def drop(self, row: WatchRow) -> None:
        """Forget a wish whose watch has ended."""
        self._ended[row.worker_id] = row.asked_at
        self.over = [each for each in self.over if each.worker_id != row.worker_id]
        self.sent = [each for each in self.sent if each[0].worker_id != row.worker_id]
        self._odd.pop(row.worker_id, None)
        known = self._watched.get(row.worker_id)
        if known is not None and known.row.asked_at == row.asked_at:
            self._forget(row.worker_id)

    def close(self) -> None:
        """Forget everything."""
        for worker_id in tuple(self._watched):
            self._forget(worker_id)

    async def read(self) -> None:
        """Read the ledger.

        Raises:
            Exception: the ledger cannot be read now.
        """
        known = {worker_id: each.row.asked_at for worker_id, each in self._watched.items()}
        rows = await self._database.market_watches.of_shard(self._request.account_id, self._request.shard, known)
        positions = await self._database.positions.live_among([row.position_id for row in rows])
        # After the last await: what has ended meanwhile must not come back.
        rows = tuple(row for row in rows if self._ended.get(row.worker_id) != row.asked_at)
        self._closed = {row.worker_id for row in rows if row.position_id not in positions}
        self.sent = [each for row in rows for each in _sent_in(row)]
        sent = {row.worker_id for row, _ in self.sent}
        rows = tuple(row for row in rows if row.worker_id not in sent)
        self.over = [row for row in rows if row.position_id not in positions]
        found = {row.worker_id: row for row in rows if row.position_id in positions}
        for worker_id in self._watched.keys() - found.keys():
            self._forget(worker_id)
        self._odd = {worker_id: why for worker_id, why in self._odd.items() if worker_id in found}
        for row in found.values():
            self._take(row, positions)
        if self.over or self.sent:
            self.news.set()

    def _take(self, row: WatchRow, positions: Mapping[PositionId, OpenPosition | Exception]) -> None:
        known = self._watched.get(row.worker_id)
        is_known = known is not None and known.row.asked_at == row.asked_at
        try:
            request = known.request if known is not None and is_known else request_in(row)
            position = _readable(positions[row.position_id])
        except Exception as fault:  # noqa: BLE001 - one odd row must not end the watch of the others
            self._leave_odd(row, f"{type(fault).__name__}: {fault}")
            return
        self._odd.pop(row.worker_id, None)
        row = replace(row, request={})  # many times as large as what was read from it
        if known is not None and known.row.position_id == row.position_id:
            known.take(row, request, position)
            return
        self._forget(row.worker_id)
        self._add(row, request, position)

    def _add(self, row: WatchRow, request: WatchRequest, position: OpenPosition) -> None:
        now, symbol = asyncio.get_running_loop().time(), position.symbol
        start = SaleStart(position, request.deadline)
        self._watched[row.worker_id] = Watched(row, request, position, start, self._new_alarm(), now)
        stack = self._bells[row.worker_id] = ExitStack()
        stack.enter_context(self._feed.watching(symbol, SharedBell(symbol, self.moved, self.news)))
        self._feed.need_price_since(symbol, position.opened_at)
        self.news.set()

    def _leave_odd(self, row: WatchRow, why: str) -> None:
        """Log an odd row once. What an earlier read of the same wish found stays watched.

        Otherwise it is not watched, so its lease ends; its worker's own timer still sells.
        """
        if self._odd.get(row.worker_id) != why:
            logger.error("watch_unreadable", extra={"worker": row.worker_id, "symbol": row.symbol, "cause": why})
        self._odd[row.worker_id] = why
        known = self._watched.get(row.worker_id)
        if known is not None and known.row.asked_at != row.asked_at:
            self._forget(row.worker_id)

    def _forget(self, worker_id: WorkerId) -> None:
        self._watched.pop(worker_id, None)
        stack = self._bells.pop(worker_id, None)
        if stack is not None:
            stack.close()


def _sent_in(row: WatchRow) -> list[tuple[WatchRow, WatchRequest]]:
    """Return the row with its request if its first order is recorded; an odd row is left to the usual path."""
    try:
        return [(row, request_in(row))] if row.is_sent else []
    except ValueError:
        return []


def _readable(position: OpenPosition | Exception) -> OpenPosition:
    if isinstance(position, Exception):
        raise position
    if not position.quantity:
        raise LookupError(f"{position.position_id} holds no share to watch")
    return position
