"""What the page shows of a fleet at a moment, read from the books."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from database.errors import DATABASE_FAULTS, database_cause
from database.hosts import HostAge
from domain.event import Event
from domain.identity import WorkerId
from domain.order import OrderRecord
from domain.position import OpenPosition
from domain.risk import RiskSnapshot
from domain.verdict import Standing
from fleet.board import Board, read_board
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.standings import read_standings
from web.beside import Beside, read_beside
from web.connection import Connection

_MOST_EVENTS: Final = 60
_NO_WORKER: Final = WorkerId("")
_READ_WITHIN: Final = 2.0
"""Real seconds after which a reading counts as failed."""


@dataclass(frozen=True, slots=True)
class State:
    """One reading. ``trouble`` says why it is not current; empty when it is."""

    board: Board
    risk: RiskSnapshot
    positions: tuple[OpenPosition, ...]
    orders: tuple[OrderRecord, ...]
    """The session's orders, oldest first."""
    events: tuple[Event, ...]
    """The latest events, newest first."""
    hosts: tuple[HostAge, ...]
    unwatched_for: float | None
    """Real seconds since the slowest shard was renewed; None if there is nothing to watch."""
    beside: Beside
    trouble: str = ""
    standings: tuple[Standing, ...] = ()
    """Of the strategies in use."""


async def read_state(fleet: Fleet, strategies: Sequence[str] = ()) -> State:
    """Read the state. Database faults propagate."""
    now, account, books = fleet.market_now(), fleet.account_id, fleet.database
    board = await read_board(fleet, now)
    date = board.plan.session.date
    return State(
        board=board,
        risk=await books.risk.snapshot(account, _NO_WORKER, date, now),
        positions=await books.positions.held_in(account),
        orders=await books.orders.on(account, date),
        events=await books.events.latest(account, _MOST_EVENTS),
        hosts=await books.hosts.ages(account),
        unwatched_for=await books.market_watches.unwatched_for(account),
        standings=await read_standings(fleet, strategies),
        beside=await read_beside(fleet, date),
    )


class Reader:
    """Reads the state, and keeps the last one while the database is away."""

    def __init__(self, connection: Connection, strategies: Sequence[str] = ()) -> None:
        self._connection = connection
        self._strategies = strategies
        self._last: State | None = None

    async def read(self) -> State:
        """Return the present state, or the last one with its trouble. After a fault the next reading connects again.

        Raises:
            OSError, asyncpg errors: the database was away from the first reading on. OperationError: nothing runs.
        """
        try:
            async with asyncio.timeout(_READ_WITHIN):
                self._last = await read_state(await self._connection.fleet(), self._strategies)
        except (*DATABASE_FAULTS, OperationError) as fault:
            await self._connection.drop()
            if self._last is None:
                raise
            cause = str(fault) if isinstance(fault, OperationError) else database_cause(fault)
            return replace(self._last, trouble=f"NOT CURRENT, the database is away: {cause}")
        return self._last
