"""The exchange's last market-wide message; sidecars are not a phase and are stored only as events."""

from dataclasses import dataclass
from datetime import datetime

from database.pool import Pool
from domain.identity import AccountId
from domain.market_phase import MarketMessage, MarketWord
from domain.session import SessionDate, session_date_of


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """The last message: received at a market instant, recorded by the database's clock (real time, UTC)."""

    session_date: SessionDate
    word: MarketWord
    code: str
    heard_at: datetime
    recorded_at: datetime


class MarketMessages:
    """The table ``market_messages``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _KEEP = """
    INSERT INTO market_messages AS kept (account_id, session_date, word, code, heard_at, recorded_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp())
    ON CONFLICT (account_id) DO UPDATE SET
        session_date = excluded.session_date,
        word = excluded.word,
        code = excluded.code,
        heard_at = CASE WHEN (kept.session_date, kept.word) = (excluded.session_date, excluded.word)
            THEN kept.heard_at ELSE excluded.heard_at END,
        recorded_at = excluded.recorded_at
    RETURNING heard_at = $5
    """

    async def keep(self, account_id: AccountId, message: MarketMessage, at: datetime) -> bool:
        """Store a message received at a market instant; return whether it is new: the same message can repeat."""
        row = (account_id, session_date_of(at), message.word.value, message.code, at)
        is_news: bool | None = await self._pool.fetchval(self._KEEP, *row)
        return bool(is_news)

    _LATEST = "SELECT session_date, word, code, heard_at, recorded_at FROM market_messages WHERE account_id = $1"

    async def latest(self, account_id: AccountId) -> KeptMessage | None:
        """Return the last message of any day."""
        row = await self._pool.fetchrow(self._LATEST, account_id)
        if row is None:
            return None
        day, word = SessionDate(row["session_date"]), MarketWord(row["word"])
        return KeptMessage(day, word, row["code"], row["heard_at"], row["recorded_at"])
