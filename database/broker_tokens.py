"""The fleet's shared access token: every process reads it, one process at a time renews it under a row lock."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from cryptography.fernet import Fernet, InvalidToken

from database.pool import Connection, Pool, Row, transaction

_log = logging.getLogger(__name__)


class Token(Protocol):
    """The stored form of an access token; ``expires_at`` is real time (UTC)."""

    @property
    def value(self) -> str:
        """Return the secret."""
        ...

    @property
    def expires_at(self) -> datetime:
        """Return when the broker stops accepting the token."""
        ...


TokenT = TypeVar("TokenT", bound=Token)

_CURRENT = "SELECT value, encrypted, expires_at FROM broker_tokens WHERE fingerprint = $1"
_KNOW = "INSERT INTO token_issuers (fingerprint) VALUES ($1) ON CONFLICT (fingerprint) DO NOTHING"
_HOLD = "SELECT fingerprint FROM token_issuers WHERE fingerprint = $1 FOR UPDATE"
_ASKED_AT = "SELECT asked_at FROM broker_tokens WHERE fingerprint = $1"
_ASK = """
INSERT INTO broker_tokens (fingerprint, asked_at) VALUES ($1, clock_timestamp())
ON CONFLICT (fingerprint) DO UPDATE SET asked_at = clock_timestamp()
"""
_UNASK = "UPDATE broker_tokens SET asked_at = $2 WHERE fingerprint = $1"
_STORE = """
INSERT INTO broker_tokens (fingerprint, value, encrypted, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (fingerprint) DO UPDATE SET
    value = excluded.value, encrypted = excluded.encrypted, expires_at = excluded.expires_at
"""


class BrokerTokens(Generic[TokenT]):
    """Token store for one app key; ``make`` builds the broker's token value from its text and expiry.

    With a Fernet ``key`` the token is stored encrypted. A token that the key cannot decrypt is treated as missing.
    """

    def __init__(
        self, pool: Pool, fingerprint: str, make: Callable[[str, datetime], TokenT], key: bytes | None = None
    ) -> None:
        self._pool = pool
        self._fingerprint = fingerprint
        self._make = make
        self._cipher = None if key is None else Fernet(key)
        self._issuing_guard = asyncio.Lock()

    async def current(self) -> TokenT | None:
        """Return the stored token regardless of its age, or None."""
        row = await self._pool.fetchrow(_CURRENT, self._fingerprint)
        return None if row is None else self._from_row(row)

    def issuing(self) -> AbstractAsyncContextManager["Issue[TokenT]"]:
        """Hold the row lock under which exactly one process may request a new token."""
        return self._issuing()

    @asynccontextmanager
    async def _issuing(self) -> "AsyncIterator[Issue[TokenT]]":
        # At most one connection of this process waits for the row, so the lock holder always finds a second connection.
        async with self._issuing_guard:
            await self._pool.execute(_KNOW, self._fingerprint)
            async with transaction(self._pool) as connection:
                await self._hold(connection)
                yield Issue(self)

    async def _hold(self, connection: Connection) -> None:
        await connection.execute(_HOLD, self._fingerprint)

    async def last_asked_at(self) -> datetime | None:
        """Return when a token was last requested (UTC), successfully or not."""
        asked_at: datetime | None = await self._pool.fetchval(_ASKED_AT, self._fingerprint)
        return asked_at

    async def record_attempt(self) -> None:
        """Record a token request immediately, whatever its outcome."""
        await self._pool.execute(_ASK, self._fingerprint)

    async def withdraw_attempt(self, previous: datetime | None) -> None:
        """Restore the previous instant because the request never left this machine."""
        await self._pool.execute(_UNASK, self._fingerprint, previous)

    async def store(self, token: TokenT) -> None:
        """Store a new token for all processes immediately."""
        value = token.value.encode()
        if self._cipher is not None:
            value = self._cipher.encrypt(value)
        await self._pool.execute(_STORE, self._fingerprint, value, self._cipher is not None, token.expires_at)

    def _from_row(self, row: Row) -> TokenT | None:
        if row["value"] is None or row["encrypted"] != (self._cipher is not None):
            return None
        try:
            value = row["value"] if self._cipher is None else self._cipher.decrypt(row["value"])
        except InvalidToken:
            _log.warning("stored_token_unreadable", extra={"fingerprint": self._fingerprint})
            return None
        return self._make(value.decode(), row["expires_at"])


class Issue(Generic[TokenT]):
    """Operations for the holder of the issuing lock; each write commits immediately."""

    def __init__(self, tokens: BrokerTokens[TokenT]) -> None:
        self._tokens = tokens

    async def current(self) -> TokenT | None:
        """Return the stored token, which the previous lock holder may have renewed."""
        return await self._tokens.current()

    async def last_issued_at(self) -> datetime | None:
        """Return when a token was last requested (UTC), successfully or not."""
        return await self._tokens.last_asked_at()

    async def record_attempt(self) -> None:
        """Record that a token is being requested now."""
        await self._tokens.record_attempt()

    async def withdraw_attempt(self, previous: datetime | None) -> None:
        """Restore the previous instant because the request never left this machine."""
        await self._tokens.withdraw_attempt(previous)

    async def store(self, token: TokenT) -> None:
        """Store a new token for all processes."""
        await self._tokens.store(token)
