"""Broker orders that were listed before an intent was written: they are proven not to belong to it."""

from collections.abc import Iterable

from database.pool import Pool
from domain.identity import AccountId, IntentId
from domain.order import BrokerOrder, BrokerOrderRef
from domain.session import SessionDate


class ListedOrders:
    """The table ``listed_orders``. Orders of intents are not stored here: those intents own them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._noted: set[tuple[AccountId, BrokerOrderRef]] = set()

    # A list is read before this statement starts. An intent that the statement does not see was therefore not sent
    # before the list was read. The sequence decides, without any clock.
    _NOTE = """
    INSERT INTO listed_orders (account_id, order_date, branch, order_no, last_sequence)
    SELECT $1, listed.order_date, listed.branch, listed.order_no,
        COALESCE((SELECT max(sequence) FROM orders WHERE account_id = $1), 0)
    FROM unnest($2::date[], $3::text[], $4::text[]) AS listed (order_date, branch, order_no)
    WHERE NOT EXISTS (
        SELECT FROM orders WHERE account_id = $1 AND orders.order_date = listed.order_date
            AND orders.branch = listed.branch AND orders.order_no = listed.order_no
    )
    ON CONFLICT DO NOTHING
    """

    async def note(self, account_id: AccountId, listed: Iterable[BrokerOrder]) -> None:
        """Record the orders that a list shows; orders that this process has recorded before are skipped."""
        new = [order.ref for order in listed if (account_id, order.ref) not in self._noted]
        if not new:
            return
        columns = ([ref.order_date for ref in new], [ref.branch for ref in new], [ref.number for ref in new])
        await self._pool.execute(self._NOTE, account_id, *columns)
        self._noted = {each for each in self._noted if each[1].order_date >= max(columns[0])}
        self._noted |= {(account_id, ref) for ref in new}

    _BEFORE = """
    SELECT listed.order_date, listed.branch, listed.order_no
    FROM orders JOIN listed_orders AS listed
        ON listed.account_id = orders.account_id AND listed.order_date = orders.session_date
    WHERE orders.intent_id = $1 AND listed.last_sequence < orders.sequence
    """

    async def before(self, intent_id: IntentId) -> set[BrokerOrderRef]:
        """Return the orders of the intent's day that a list showed before the intent was written."""
        rows = await self._pool.fetch(self._BEFORE, intent_id)
        return {BrokerOrderRef(SessionDate(row["order_date"]), row["branch"], row["order_no"]) for row in rows}
