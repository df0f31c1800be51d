"""Commands by chat, on the database's clock: the poller's lease, answered updates, confirmations that count once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from database.pool import Pool, Row
from domain.identity import AccountId

_KEPT: Final = timedelta(days=2)
"""Telegram delivers an update for at most a day."""


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """A command that a chat has asked for. ``digest`` is that of its one-time code."""

    digest: str
    chat_id: int
    act: str
    worker: str


class Chats:
    """The tables ``chat_pollers``, ``chat_updates`` and ``chat_plans``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _HOLD = """
    INSERT INTO chat_pollers AS held (account_id, owner, leased_until) VALUES ($1, $2, clock_timestamp() + $3::interval)
    ON CONFLICT (account_id) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until
    WHERE held.owner = excluded.owner OR held.leased_until <= clock_timestamp()
    RETURNING true
    """

    async def hold(self, account_id: AccountId, owner: str, duration: timedelta) -> bool:
        """Take or extend the lease; return whether it is ours."""
        return bool(await self._pool.fetchval(self._HOLD, account_id, owner, duration))

    _IS_DONE = "SELECT EXISTS (SELECT FROM chat_updates WHERE account_id = $1 AND bot = $2 AND update_id = $3)"
    _DONE = "INSERT INTO chat_updates (account_id, bot, update_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    _FORGET_UPDATES = "DELETE FROM chat_updates WHERE account_id = $1 AND done_at < clock_timestamp() - $2::interval"

    async def is_done(self, account_id: AccountId, bot: str, update_id: int) -> bool:
        """Return whether an update is answered."""
        return bool(await self._pool.fetchval(self._IS_DONE, account_id, bot, update_id))

    async def done(self, account_id: AccountId, bot: str, update_id: int) -> None:
        """Record that an update is answered, and forget those that Telegram no longer delivers."""
        await self._pool.execute(self._DONE, account_id, bot, update_id)
        await self._pool.execute(self._FORGET_UPDATES, account_id, _KEPT)

    _PLAN = """
    INSERT INTO chat_plans (account_id, digest, chat_id, act, worker, expires_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval)
    """
    _FORGET_PLANS = """
    DELETE FROM chat_plans WHERE account_id = $1 AND expires_at < clock_timestamp() - $2::interval
        AND (confirmed_at IS NULL OR ended_at IS NOT NULL)
    """

    async def plan(self, account_id: AccountId, plan: ChatPlan, valid_for: timedelta) -> None:
        """Record a command that can be confirmed for some real time, and forget old ones."""
        await self._pool.execute(self._FORGET_PLANS, account_id, _KEPT)
        about = (plan.digest, plan.chat_id, plan.act, plan.worker)
        await self._pool.execute(self._PLAN, account_id, *about, valid_for)

    _CONFIRM = """
    UPDATE chat_plans SET confirmed_at = clock_timestamp()
    WHERE account_id = $1 AND digest = $2 AND chat_id = $3 AND confirmed_at IS NULL AND expires_at > clock_timestamp()
    RETURNING digest, chat_id, act, worker
    """

    async def confirm(self, account_id: AccountId, digest: str, chat_id: int) -> ChatPlan | None:
        """Take a command for its execution, once; None if it is unknown here, expired, or was taken before."""
        row = await self._pool.fetchrow(self._CONFIRM, account_id, digest, chat_id)
        return None if row is None else _plan(row)

    _CANCEL = """
    UPDATE chat_plans SET expires_at = clock_timestamp()
    WHERE account_id = $1 AND digest = $2 AND chat_id = $3 AND confirmed_at IS NULL AND expires_at > clock_timestamp()
    RETURNING true
    """

    async def cancel(self, account_id: AccountId, digest: str, chat_id: int) -> bool:
        """End a command that waits for its confirmation; return whether it did."""
        return bool(await self._pool.fetchval(self._CANCEL, account_id, digest, chat_id))

    _ENDED = """
    UPDATE chat_plans SET ended_at = clock_timestamp() WHERE account_id = $1 AND digest = $2 AND ended_at IS NULL
    """

    async def ended(self, account_id: AccountId, digest: str) -> None:
        """Record that a command's outcome is known."""
        await self._pool.execute(self._ENDED, account_id, digest)

    _GIVE_UP = """
    UPDATE chat_plans SET ended_at = clock_timestamp()
    WHERE account_id = $1 AND ended_at IS NULL AND confirmed_at <= clock_timestamp() - $2::interval
    RETURNING digest, chat_id, act, worker
    """

    async def give_up(self, account_id: AccountId, after: timedelta) -> tuple[ChatPlan, ...]:
        """Return, once, the commands whose outcome stays unknown: their host died while it carried them out."""
        return tuple(_plan(row) for row in await self._pool.fetch(self._GIVE_UP, account_id, after))


def _plan(row: Row) -> ChatPlan:
    return ChatPlan(row["digest"], row["chat_id"], row["act"], row["worker"])
