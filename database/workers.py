"""The trading workers of an account as operators see them: state, stock, money and last event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from database.errors import UnknownIntentError
from database.pool import Pool, Row
from domain.identity import AccountId, WorkerId, is_recovery
from domain.market import Symbol
from domain.money import Price, Quantity, Won
from domain.session import SessionDate
from domain.worker_state import WorkerState


@dataclass(frozen=True, slots=True)
class RegisteredWorker:
    """A worker and the workflow that runs it."""

    worker_id: WorkerId
    workflow_id: str
    state: WorkerState
    paused: bool
    symbol: Symbol | None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One line of the live table. Prices and PnL in won, ``realised_pnl`` net, ``unrealised_pnl`` before costs."""

    worker_id: WorkerId
    state: WorkerState
    paused: bool
    symbol: Symbol | None
    name: str
    quantity: Quantity
    entry_price: Decimal | None
    last_price: Price | None
    unrealised_pnl: Won
    realised_pnl: Won
    trades: int
    last_event: str
    last_event_at: datetime | None
    sale_begins_at: datetime | None = None
    """When the held position's own sale starts (it hardly trades); None while it is sold with the fleet's others."""
    sale_begins_because: str = ""


class Workers:
    """The table ``workers``. Instants in market time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _REGISTER = """
    INSERT INTO workers AS kept (account_id, worker_id, workflow_id, first_session, retired) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, worker_id) DO UPDATE
    SET workflow_id = $3, retired = $5, changed_at = clock_timestamp()
    WHERE kept.workflow_id <> $3 OR kept.retired <> $5
    """

    async def register(
        self, account_id: AccountId, worker_id: WorkerId, workflow_id: str, first_session: SessionDate | None = None
    ) -> None:
        """Register the worker, so that the close can reach its workflow, and clear its retirement; its state stays.

        ``first_session`` is kept from the first registration; without it the worker belongs to every session. A
        recovery worker counts as retired: it never holds more than its present position.
        """
        about = (account_id, worker_id, workflow_id, first_session, is_recovery(worker_id))
        await self._pool.execute(self._REGISTER, *about)

    _REGISTER_ALL = """
    INSERT INTO workers AS kept (account_id, worker_id, workflow_id, first_session)
    SELECT account_id, new.worker_id, new.workflow_id, $4
    FROM accounts, unnest($2::text[], $3::text[]) AS new (worker_id, workflow_id) WHERE account_id = $1
    ON CONFLICT (account_id, worker_id) DO UPDATE SET retired = false, changed_at = clock_timestamp() WHERE kept.retired
    """

    async def register_all(
        self, account_id: AccountId, workflow_ids: Mapping[WorkerId, str], first_session: SessionDate | None = None
    ) -> None:
        """Register a fleet before its first worker plans its day; register none while the account is not pinned."""
        names, ids = list(workflow_ids), list(workflow_ids.values())
        await self._pool.execute(self._REGISTER_ALL, account_id, names, ids, first_session)

    _ENTER = """
    UPDATE workers SET state = $3, symbol = $4, last_event = $5, last_event_at = $6, changed_at = clock_timestamp()
    WHERE account_id = $1 AND worker_id = $2
    RETURNING worker_id
    """

    async def enter(  # noqa: PLR0913, PLR0917 one line of the live table
        self,
        account_id: AccountId,
        worker_id: WorkerId,
        state: WorkerState,
        symbol: Symbol | None,
        event: str,
        at: datetime,
    ) -> None:
        """Record the worker's current state for the live table.

        Raises:
            UnknownIntentError: the worker was never registered.
        """
        shown = await self._pool.fetchval(self._ENTER, account_id, worker_id, state, symbol, event, at)
        _require(shown, account_id, worker_id)

    _PAUSE = """
    UPDATE workers SET paused = $3, changed_at = clock_timestamp() WHERE account_id = $1 AND worker_id = $2
    RETURNING worker_id
    """

    async def set_paused(self, account_id: AccountId, worker_id: WorkerId, paused: bool) -> None:  # noqa: FBT001 a column
        """Record whether the worker may buy."""
        _require(await self._pool.fetchval(self._PAUSE, account_id, worker_id, paused), account_id, worker_id)

    _RETIRE = """
    UPDATE workers SET retired = true, changed_at = clock_timestamp()
    WHERE account_id = $1 AND worker_id = $2 AND NOT retired
    """

    async def retire(self, account_id: AccountId, worker_id: WorkerId) -> None:
        """Expect no further position of a stopped worker until it registers again."""
        await self._pool.execute(self._RETIRE, account_id, worker_id)

    _ALL = """
    SELECT worker_id, workflow_id, state, paused, symbol FROM workers
    WHERE account_id = $1 ORDER BY length(worker_id), worker_id
    """

    async def all_of(self, account_id: AccountId) -> tuple[RegisteredWorker, ...]:
        """Return every worker that ever registered, ``worker-2`` before ``worker-10``."""
        return tuple(
            RegisteredWorker(
                WorkerId(row["worker_id"]),
                row["workflow_id"],
                WorkerState(row["state"]),
                row["paused"],
                _symbol(row["symbol"]),
            )
            for row in await self._pool.fetch(self._ALL, account_id)
        )

    _IN_SESSION = """
    SELECT worker_id FROM workers
    WHERE account_id = $1 AND worker_id NOT LIKE 'recovery-%' AND (first_session IS NULL OR first_session <= $2)
    ORDER BY length(worker_id), worker_id
    """

    async def in_session(self, account_id: AccountId, session_date: SessionDate) -> tuple[WorkerId, ...]:
        """Return the workers registered by a session's end, without recovery workers."""
        return tuple(
            [WorkerId(row["worker_id"]) for row in await self._pool.fetch(self._IN_SESSION, account_id, session_date)]
        )

    _COUNT = """
    WITH at_work AS (SELECT worker_id FROM workers WHERE account_id = $1 AND NOT retired)
    SELECT (SELECT count(*) FROM at_work) + (
        SELECT count(*) FROM positions
        WHERE account_id = $1 AND is_live AND worker_id NOT IN (SELECT worker_id FROM at_work)
    )
    """

    async def count(self, account_id: AccountId) -> int:
        """Return the maximum number of positions to sell: one per worker, and those that stopped workers left."""
        count: int = await self._pool.fetchval(self._COUNT, account_id)
        return count

    _BOARD = """
    SELECT workers.worker_id, workers.state, workers.paused, COALESCE(held.symbol, workers.symbol) AS symbol,
        COALESCE(held.name, '') AS name, held.bought_quantity, held.sold_quantity, held.cost, held.last_price,
        COALESCE(result.net_pnl, 0)::bigint AS realised_pnl, COALESCE(result.trades, 0) AS trades,
        workers.last_event, workers.last_event_at, held.sale_begins_at,
        COALESCE(held.sale_begins_because, '') AS sale_begins_because
    FROM workers
    LEFT JOIN positions AS held
        ON held.account_id = workers.account_id AND held.worker_id = workers.worker_id
        AND held.is_live AND held.bought_quantity > held.sold_quantity
    LEFT JOIN (
        SELECT worker_id, sum(net_pnl) AS net_pnl, count(*) AS trades FROM booked_trades
        WHERE account_id = $1 AND session_date = $2 GROUP BY worker_id
    ) AS result ON result.worker_id = workers.worker_id
    WHERE workers.account_id = $1
        AND (workers.worker_id NOT LIKE 'recovery-%' OR held.symbol IS NOT NULL OR result.trades > 0)
    ORDER BY length(workers.worker_id), workers.worker_id
    """

    async def board(self, account_id: AccountId, session_date: SessionDate) -> tuple[WorkerRow, ...]:
        """Return the live table of a session."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._BOARD, account_id, session_date))


def _require(shown: str | None, account_id: AccountId, worker_id: WorkerId) -> None:
    if shown is None:
        raise UnknownIntentError(f"worker {worker_id} of {account_id} was never registered")


def _symbol(value: str | None) -> Symbol | None:
    return None if value is None else Symbol(value)


def _from_row(row: Row) -> WorkerRow:
    bought, sold = row["bought_quantity"] or 0, row["sold_quantity"] or 0
    quantity, last_price = bought - sold, row["last_price"]
    cost = row["cost"] - row["cost"] * sold // bought if bought else 0
    return WorkerRow(
        worker_id=WorkerId(row["worker_id"]),
        state=WorkerState(row["state"]),
        paused=row["paused"],
        symbol=_symbol(row["symbol"]),
        name=row["name"],
        quantity=Quantity(quantity),
        entry_price=Decimal(cost) / quantity if quantity else None,
        last_price=None if last_price is None else Price(last_price),
        unrealised_pnl=Won(last_price * quantity - cost if last_price else 0),
        realised_pnl=Won(row["realised_pnl"]),
        trades=row["trades"],
        last_event=row["last_event"],
        last_event_at=row["last_event_at"],
        sale_begins_at=row["sale_begins_at"],
        sale_begins_because=row["sale_begins_because"],
    )
