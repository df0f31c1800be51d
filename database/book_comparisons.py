"""When a session's books were last compared with the broker's, and which process may compare next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from database.pool import Pool
from domain.identity import AccountId
from domain.market import Symbol
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class ComparisonState:
    """The last comparison of a session. Real time (UTC), by the database's clock."""

    compared_at: datetime | None = None
    cause: str = ""

    @property
    def is_compared(self) -> bool:
        """Return whether a comparison succeeded and none has failed since."""
        return self.compared_at is not None and not self.cause


class BookComparisons:
    """The table ``book_comparisons``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _STATE = "SELECT compared_at, cause FROM book_comparisons WHERE account_id = $1 AND session_date = $2"

    async def state(self, account_id: AccountId, session_date: SessionDate) -> ComparisonState:
        """Return the result of a session's last comparison."""
        row = await self._pool.fetchrow(self._STATE, account_id, session_date)
        return ComparisonState() if row is None else ComparisonState(row["compared_at"], row["cause"])

    _CLAIM = """
    INSERT INTO book_comparisons AS kept (account_id, session_date, tried_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, session_date) DO UPDATE SET tried_at = excluded.tried_at
    WHERE kept.tried_at IS NULL OR kept.tried_at <= $4
    RETURNING true
    """

    async def claim(self, account_id: AccountId, session_date: SessionDate, now: datetime, pause: timedelta) -> bool:
        """Claim the next comparison unless a process started one within the pause; both in market time."""
        taken: bool | None = await self._pool.fetchval(self._CLAIM, account_id, session_date, now, now - pause)
        return bool(taken)

    _SUCCEEDED = """
    INSERT INTO book_comparisons AS kept (account_id, session_date, compared_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, session_date) DO UPDATE SET
        compared_at = GREATEST(kept.compared_at, excluded.compared_at), cause = ''
    """

    async def succeeded(self, account_id: AccountId, session_date: SessionDate, started_at: datetime) -> None:
        """Record a successful comparison by the instant at which it started."""
        await self._pool.execute(self._SUCCEEDED, account_id, session_date, started_at)

    _FAILED = """
    INSERT INTO book_comparisons AS kept (account_id, session_date, cause) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, session_date) DO UPDATE SET cause = excluded.cause
    """

    async def failed(self, account_id: AccountId, session_date: SessionDate, cause: str) -> None:
        """Record why a comparison failed."""
        await self._pool.execute(self._FAILED, account_id, session_date, cause)

    _FILLED = """
    SELECT DISTINCT orders.symbol FROM fills JOIN orders USING (intent_id)
    WHERE fills.account_id = $1 AND fills.recorded_at > clock_timestamp() - $2::interval
    """

    async def filled_within(self, account_id: AccountId, duration: timedelta) -> set[Symbol]:
        """Return the symbols for which one of our fills was booked within a real duration."""
        return {Symbol(row["symbol"]) for row in await self._pool.fetch(self._FILLED, account_id, duration)}
