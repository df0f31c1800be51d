"""What the page shows of a fleet at a moment, read from the books."""

from dataclasses import dataclass, replace

from database.errors import DATABASE_FAULTS, database_cause
from database.hosts import HostAge
from domain.event import Event
from domain.identity import WorkerId
from domain.order import OrderRecord
from domain.position import OpenPosition
from domain.risk import RiskSnapshot
from fleet.board import Board, read_board
from fleet.fleet import Fleet

_MOST_EVENTS = 60
_NO_WORKER = WorkerId("")


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
    trouble: str = ""


async def read_state(fleet: Fleet) -> State:
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
    )


class Reader:
    """Reads the state, and keeps the last one while the database is away."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._last: State | None = None

    async def read(self) -> State:
        """Return the present state, or the last one with its trouble.

        Raises:
            OSError, asyncpg errors: the database was away from the first reading on.
        """
        try:
            self._last = await read_state(self._fleet)
        except DATABASE_FAULTS as fault:
            if self._last is None:
                raise
            return replace(self._last, trouble=f"NOT CURRENT, the database is away: {database_cause(fault)}")
        return self._last
