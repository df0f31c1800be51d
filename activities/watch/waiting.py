"""The workers that wait for candidates, kept current with the ledger; an odd row affects only its own worker."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from activities.market_data import ScanRequest
from domain.identity import AccountId, WorkerId
from domain.rules import TradingRules
from domain.session import SessionDate
from domain.watch import ScanRow

if TYPE_CHECKING:
    from database.scan_wishes import ScanWishes

logger = logging.getLogger("haru.watch")

_REQUEST: Final = TypeAdapter(ScanRequest)

Group = tuple[SessionDate, str]
"""Workers for which one scan serves: their session, and their rules as text."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A worker that waits; its rules are no looser than this host allows."""

    row: ScanRow
    request: ScanRequest
    rules: TradingRules
    group: Group

    @property
    def worker_id(self) -> WorkerId:
        """Return the worker."""
        return self.row.worker_id

    @property
    def scan_id(self) -> str:
        """Return the wait that an offer answers."""
        return self.row.scan_id


class WaitingWorkers:
    """The workers in the sequence of their wishes. ``news`` wakes the loop."""

    def __init__(
        self, wishes: "ScanWishes", account_id: AccountId, capped: Callable[[TradingRules], TradingRules]
    ) -> None:
        self._wishes = wishes
        self._account_id = account_id
        self._capped = capped
        self.news = asyncio.Event()
        self._known: dict[str, Waiting] = {}
        """By scan."""
        self._ended: set[str] = set()
        """Scans that this attempt has ended: a read that began before must not bring them back."""
        self._ending: set[str] = set()
        """Those whose removal is under way."""
        self._odd: dict[str, str] = {}

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._known.values()))

    @property
    def is_empty(self) -> bool:
        """Return whether no worker waits, not even one with an odd wish."""
        return not (self._known or self._odd)

    def waits(self, waiting: Waiting) -> bool:
        """Return whether the worker still waits for the same offer."""
        return waiting.scan_id in self._known

    def by_group(self) -> dict[Group, list[Waiting]]:
        """Return the workers that one scan serves, the longest wait first."""
        found: dict[Group, list[Waiting]] = defaultdict(list)
        for each in self:
            found[each.group].append(each)
        return found

    async def end(self, waiting: Waiting) -> None:
        """Remove a wish; a failed removal is repeated with the next read."""
        self._known.pop(waiting.scan_id, None)
        self._ended.add(waiting.scan_id)
        self._ending.add(waiting.scan_id)
        try:
            await self._remove(waiting.row)
        finally:
            self._ending.discard(waiting.scan_id)

    async def read(self) -> None:
        """Read the ledger.

        Raises:
            Exception: the ledger cannot be read now.
        """
        rows = await self._wishes.of_account(self._account_id, tuple(self._known))
        ended = [row for row in rows if row.scan_id in self._ended - self._ending]
        before, odd = self._known, dict[str, str]()
        self._known = {}
        for row in rows:
            if row.scan_id in self._ended:
                continue
            try:
                self._known[row.scan_id] = before.get(row.scan_id) or self._waiting(row)
            except Exception as fault:  # noqa: BLE001 - one odd row must not end the scans of the others
                odd[row.scan_id] = why = f"{type(fault).__name__}: {fault}"
                if self._odd.get(row.scan_id) != why:
                    logger.error("scan_wish_unreadable", extra={"worker": row.worker_id, "cause": why})  # noqa: TRY400
        self._odd = odd
        self._ended &= {row.scan_id for row in rows}
        if self._known.keys() - before.keys():
            self.news.set()
        for row in ended:
            await self._remove(row)

    async def _remove(self, row: ScanRow) -> None:
        try:
            await self._wishes.end(row.account_id, row.worker_id, row.scan_id)
        except Exception as fault:  # noqa: BLE001 - the next read repeats it
            extra = {"worker": row.worker_id, "cause": f"{type(fault).__name__}: {fault}"}
            logger.warning("scan_wish_not_removed", extra=extra)

    def _waiting(self, row: ScanRow) -> Waiting:
        request = _REQUEST.validate_python(row.request)
        if (request.account_id, request.worker_id) != (row.account_id, row.worker_id):
            raise ValueError(f"the wish of {row.worker_id} asks for {request.worker_id}")
        if request.plan.entries_until.utcoffset() is None:
            raise ValueError(f"the wish of {row.worker_id} ends at an instant without a time zone")
        rules: dict[str, Any] = {name: value for name, value in row.request["rules"].items() if name != "version"}
        group = (request.plan.session.date, json.dumps(rules, sort_keys=True))
        return Waiting(row, request, self._capped(request.rules), group)


def as_json(request: ScanRequest) -> dict[str, Any]:
    """Return a request as it is stored."""
    stored: dict[str, Any] = _REQUEST.dump_python(request, mode="json")
    return stored
