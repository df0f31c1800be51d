"""The broker's order list, read once for all followers of orders in this process."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.errors import BrokerProtocolError
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.order import BrokerOrder, OrderRecord, row_of
from domain.session import SessionDate

if TYPE_CHECKING:
    from broker.protocol import Broker

_log = logging.getLogger("haru.orders")

_FOR_EACH_FOLLOWER: Final = 0.05
_LONGEST_REST: Final = 1.0
"""Real seconds between the starts of two reads: per follower, and the maximum per page of the list."""
_FEW: Final = 10
"""Largest number of followers for which a read is as urgent as one for a lost order."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    symbol: Symbol
    listed: "asyncio.Future[tuple[BrokerOrder, ...]]"


@dataclass(slots=True)
class _Line:
    """Waiters for the next read of one day and side, and when the last one began (event loop seconds)."""

    waiters: list[_Waiter] = field(default_factory=list)
    reader: "asyncio.Task[None] | None" = None
    began: float = 0.0
    pages: int = 1


class OrderList:
    """Shares reads among followers; a read serves only requests made before it began, so its data is never older.

    - One follower reads its own stock at once.
    - Several share the whole side's list if that takes fewer calls. The more followers, the less often it is read:
      unsent sales need the calls.
    - With many followers, a read waits for spare slots.
    """

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._lines: dict[tuple[SessionDate, Side], _Line] = {}
        self._followers = 0

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count a follower of an order while the context lasts."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    async def row_of(self, record: OrderRecord) -> BrokerOrder | None:
        """Return the broker's row of an order from a read that begins now or later; None if it is not listed.

        Raises:
            TradingError: as for any query; all followers that share the read get the same error.
        """
        intent = record.intent
        waiter = _Waiter(intent.symbol, asyncio.get_running_loop().create_future())
        line = self._lines.setdefault((intent.session_date, intent.side), _Line())
        line.waiters.append(waiter)
        if line.reader is None:
            line.reader = asyncio.create_task(self._read_for_all(intent.session_date, intent.side, line))
        listed = await waiter.listed
        return row_of(record, listed)

    async def _read_for_all(self, date: SessionDate, side: Side, line: _Line) -> None:
        """Read until no follower waits; a separate task, so that a cancelled follower does not cancel the others."""
        asked: list[_Waiter] = []
        try:
            while line.waiters:
                await asyncio.sleep(self._rest_of(line))
                asked, line.waiters = _still_waiting(line.waiters), []
                line.began = asyncio.get_running_loop().time()
                await self._answer(date, side, line, asked)
        except BaseException as end:
            # Without this, the remaining waiters, including new ones, would wait forever.
            _fail([*asked, *line.waiters], end)
            line.waiters = []
            raise
        finally:
            line.reader = None

    def _rest_of(self, line: _Line) -> float:
        if self._followers <= 1:
            return 0.0
        rest = min(self._followers * _FOR_EACH_FOLLOWER, _LONGEST_REST) * line.pages
        return line.began + rest - asyncio.get_running_loop().time()

    async def _answer(self, date: SessionDate, side: Side, line: _Line, waiters: list[_Waiter]) -> None:
        several = len({each.symbol for each in waiters}) > line.pages
        if several and await self._answers_all(date, side, line, waiters):
            return
        for symbol in dict.fromkeys(each.symbol for each in waiters):
            theirs = [each for each in waiters if each.symbol == symbol]
            await self._answers_each(date, side, symbol, theirs)

    async def _answers_all(self, date: SessionDate, side: Side, line: _Line, waiters: list[_Waiter]) -> bool:
        """Serve from the whole side's list; False if it is unreadable, possibly because of one foreign row."""
        try:
            listed = await self._broker.orders_on(date, self._lane(), side=side)
        except BrokerProtocolError as fault:
            _log.warning("order_list_unreadable", extra={"side": side, "cause": str(fault)})
            return False
        except Exception as fault:  # noqa: BLE001 - passed to every waiter: none may wait forever
            _fail(waiters, fault)
        else:
            line.pages = len(listed) // self._broker.orders_per_call + 1
            _resolve(waiters, listed)
        return True

    def _lane(self) -> Lane:
        return Lane.RESOLVE if self._followers <= _FEW else Lane.WATCH

    async def _answers_each(self, date: SessionDate, side: Side, symbol: Symbol, waiters: list[_Waiter]) -> None:
        try:
            _resolve(waiters, await self._broker.orders_on(date, self._lane(), symbol, side))
        except Exception as fault:  # noqa: BLE001 - as above, for this stock only
            _fail(waiters, fault)


def _resolve(waiters: list[_Waiter], listed: tuple[BrokerOrder, ...]) -> None:
    for each in _still_waiting(waiters):
        each.listed.set_result(listed)


def _fail(waiters: list[_Waiter], fault: BaseException) -> None:
    for each in _still_waiting(waiters):
        if isinstance(fault, asyncio.CancelledError):
            each.listed.cancel()
        else:
            each.listed.set_exception(fault)


def _still_waiting(waiters: list[_Waiter]) -> list[_Waiter]:
    return [each for each in waiters if not each.listed.done()]
