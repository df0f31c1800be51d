"""Orders of another program on this account: recorded when a list shows them, accepted by an operator."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from database.events import append_on
from database.pool import Connection, Executor, Pool, transaction
from database.risk import hold_gate
from domain.events.books import order_of_another_program_accepted
from domain.foreign_api_order import Acceptance, ForeignApiOrder
from domain.identity import AccountId
from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import BrokerOrder
from domain.session import SessionDate

_CAUSE: Final = "foreign_api_orders"


class ForeignApiOrders:
    """The table ``foreign_api_orders``. An order that turns out to belong to one of our intents no longer counts."""

    CAUSE: Final = _CAUSE
    """The cause under which these orders block entries."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _NOTE = """
    INSERT INTO foreign_api_orders (account_id, order_date, branch, order_no, symbol, side, quantity, first_seen_at)
    SELECT $1, * , $8 FROM unnest($2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    ON CONFLICT DO NOTHING
    """

    async def note(self, account_id: AccountId, rows: Sequence[BrokerOrder], at: datetime) -> None:
        """Record the orders that a list shows (market time)."""
        refs = [row.ref for row in rows]
        columns = (
            [ref.order_date for ref in refs],
            [ref.branch for ref in refs],
            [ref.number for ref in refs],
            [row.symbol for row in rows],
            [row.side.value for row in rows],
            [row.quantity for row in rows],
        )
        await self._pool.execute(self._NOTE, account_id, *columns, at)

    async def waiting(self, account_id: AccountId, session_date: SessionDate) -> tuple[ForeignApiOrder, ...]:
        """Return the orders of a session that no operator has accepted, by number."""
        return await _waiting(self._pool, account_id, session_date)

    _ACCEPT = """
    UPDATE foreign_api_orders SET accepted_by = $4, reason = $5
    WHERE account_id = $1 AND order_date = $2 AND order_no = ANY($3) AND accepted_by = ''
    """
    _LIFT = "DELETE FROM closed_entries WHERE account_id = $1 AND session_date = $2 AND cause = $3"

    async def accept(
        self, account_id: AccountId, session_date: SessionDate, acceptance: Acceptance
    ) -> tuple[ForeignApiOrder, ...]:
        """Accept waiting orders of a session and return them; accepting the last one reopens entries."""
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            waiting = await _waiting(connection, account_id, session_date)
            accepted = tuple(each for each in waiting if acceptance.number in {"", each.number})
            numbers = [each.number for each in accepted]
            await connection.execute(self._ACCEPT, account_id, session_date, numbers, acceptance.by, acceptance.reason)
            for each in accepted:
                await append_on(
                    connection, order_of_another_program_accepted(account_id, session_date, each, acceptance)
                )
            await self._lift_if_none_waits(connection, account_id, session_date)
        return accepted

    async def lift_if_none_waits(self, account_id: AccountId, session_date: SessionDate) -> None:
        """Lift the cause when every order is accepted or belongs to one of our intents."""
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            await self._lift_if_none_waits(connection, account_id, session_date)

    async def _lift_if_none_waits(
        self, connection: Connection, account_id: AccountId, session_date: SessionDate
    ) -> None:
        if not await _waiting(connection, account_id, session_date):
            await connection.execute(self._LIFT, account_id, session_date, _CAUSE)


_WAITING: Final = """
SELECT order_no, branch, side, symbol, quantity FROM foreign_api_orders AS theirs
WHERE account_id = $1 AND order_date = $2 AND accepted_by = '' AND NOT EXISTS (
    SELECT FROM orders WHERE orders.account_id = theirs.account_id AND orders.order_date = theirs.order_date
        AND orders.order_no = theirs.order_no AND orders.symbol = theirs.symbol AND orders.side = theirs.side
)
ORDER BY order_no, branch
"""


async def _waiting(
    connection: Executor, account_id: AccountId, session_date: SessionDate
) -> tuple[ForeignApiOrder, ...]:
    rows = await connection.fetch(_WAITING, account_id, session_date)
    return tuple(
        ForeignApiOrder(
            row["order_no"], row["branch"], Side(row["side"]), Symbol(row["symbol"]), Quantity(row["quantity"])
        )
        for row in rows
    )
