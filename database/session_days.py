"""The broker's answer about a date: requested once by one process of the fleet, and shared with all."""

from collections.abc import Awaitable, Callable
from datetime import date

from database.pool import Pool, transaction
from domain.identity import AccountId


class SessionDays:
    """The table ``session_days``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _ONE_ASKS = "SELECT pg_advisory_xact_lock(hashtext('session_days'), hashtext($1))"
    _KNOWN = "SELECT broker_says_open FROM session_days WHERE account_id = $1 AND session_date = $2"
    _KEEP = "INSERT INTO session_days (account_id, session_date, broker_says_open) VALUES ($1, $2, $3)"

    async def answer(self, account_id: AccountId, day: date, ask: Callable[[], Awaitable[bool | None]]) -> bool | None:
        """Return whether the broker reports the exchange as open on a KST date, or None if it gives no answer.

        ``ask`` is called only if no answer is stored. Its exceptions pass through, and the next caller asks again.
        """
        known = await self._pool.fetchrow(self._KNOWN, account_id, day)
        if known is None:
            return await self._ask(account_id, day, ask)
        is_open: bool | None = known["broker_says_open"]
        return is_open

    async def _ask(self, account_id: AccountId, day: date, ask: Callable[[], Awaitable[bool | None]]) -> bool | None:
        async with transaction(self._pool) as connection:
            await connection.execute(self._ONE_ASKS, account_id)
            known = await connection.fetchrow(self._KNOWN, account_id, day)
            if known is not None:
                is_open: bool | None = known["broker_says_open"]
                return is_open
            answer = await ask()
            await connection.execute(self._KEEP, account_id, day, answer)
            return answer
