"""Which hosts know which Temporal payload keys: a host with other keys does not start."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from database.pool import Executor, Pool, transaction
from domain.errors import StopTradingError
from domain.identity import AccountId

_REMEMBERED: Final = timedelta(days=14)
"""Longer than a workflow pauses over the longest holidays: its history still needs the key it started with."""
_LIVING: Final = timedelta(minutes=1)
"""A host renews its entry every 20 s."""


class KeysDifferError(StopTradingError):
    """This machine and the fleet's hosts do not share the keys that both need."""


class PayloadKeys:
    """The table ``payload_keys``. Keys are named by their ids, the encrypting key first."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('payload_keys/' || $1, 0))"
    _KNOW = """
    INSERT INTO payload_keys (account_id, key_id, host, encrypts)
    SELECT $1, key_id, $2, number = 1 FROM unnest($3::text[]) WITH ORDINALITY AS given (key_id, number)
    ON CONFLICT (account_id, key_id, host) DO UPDATE SET
        encrypts = excluded.encrypts, seen_at = clock_timestamp(), is_live = true
    """

    async def join(self, account_id: AccountId, host: str, key_ids: Sequence[str]) -> None:
        """Record which keys a host knows, or renew that record; an advisory lock serialises joining hosts.

        Raises:
            KeysDifferError: the fleet encrypts with another key, or a live host does not know this host's key.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(self._LOCK, account_id)
            await _check(connection, account_id, key_ids)
            await connection.execute(self._KNOW, account_id, host, list(key_ids))

    async def check(self, account_id: AccountId, key_ids: Sequence[str]) -> None:
        """Compare the keys of a machine that hosts no worker with the fleet's keys.

        Raises:
            KeysDifferError: as in ``join``.
        """
        await _check(self._pool, account_id, key_ids)

    _LEAVE = "UPDATE payload_keys SET is_live = false WHERE account_id = $1 AND host = $2"

    async def leave(self, account_id: AccountId, host: str) -> None:
        """Record that a host ends: it need not know the keys of later hosts."""
        await self._pool.execute(self._LEAVE, account_id, host)

    _FORGET = "DELETE FROM payload_keys"

    async def forget(self) -> None:
        """Delete all keys: data encrypted with them can no longer be read."""
        await self._pool.execute(self._FORGET)


_FOREIGN = """
SELECT key_id, host FROM payload_keys
WHERE account_id = $1 AND encrypts AND key_id <> ALL ($2::text[]) AND seen_at > clock_timestamp() - $3::interval
ORDER BY seen_at DESC LIMIT 1
"""
_LACKING = """
SELECT host FROM payload_keys
WHERE account_id = $1 AND is_live AND seen_at > clock_timestamp() - $3::interval
GROUP BY host HAVING NOT bool_or(key_id = $2) ORDER BY host LIMIT 1
"""


async def _check(connection: Executor, account_id: AccountId, key_ids: Sequence[str]) -> None:
    foreign = await connection.fetchrow(_FOREIGN, account_id, list(key_ids), _REMEMBERED)
    if foreign is not None:
        raise KeysDifferError(
            f"the fleet's workflows are encrypted with key {foreign['key_id']} (host {foreign['host']}), and this "
            f"machine knows {', '.join(key_ids)} only: give all machines the same HARU_PAYLOADS__KEYS, or the same "
            "payload.key. A key that was replaced stays in the list, after the first, for 14 days. If it is lost, see "
            "`python starter.py forget-keys`"
        )
    lacking = await connection.fetchrow(_LACKING, account_id, key_ids[0], _LIVING)
    if lacking is not None:
        raise KeysDifferError(
            f"host {lacking['host']} does not know key {key_ids[0]}, with which this machine encrypts: add it there "
            "after its first key and restart it, then try again; if that host has died, wait a minute"
        )
