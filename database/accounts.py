"""The account that the database belongs to, and the fleet that may trade it now."""

from datetime import datetime, timedelta

import asyncpg

from database.errors import AccountInUseError, EnvironmentMismatchError
from database.pool import Pool, transaction
from domain.identity import AccountId, Environment


class Accounts:
    """The table ``accounts``: one account per database, pinned at the first start."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _PIN = """
    INSERT INTO accounts (account_id, environment, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
    """
    _PIN_RISK = """
    INSERT INTO risk_state (account_id) SELECT account_id FROM accounts WHERE account_id = $1
    ON CONFLICT (account_id) DO NOTHING
    """
    _PINNED = "SELECT account_id, environment, fingerprint FROM accounts"

    async def pin(self, account_id: AccountId, environment: Environment, fingerprint: str) -> None:
        """Bind the database to the account at the first start, and check the binding at every later start.

        Raises:
            EnvironmentMismatchError: the database belongs to another account, environment or set of keys.
        """
        wanted = (account_id, environment.value, fingerprint)
        async with transaction(self._pool) as connection:
            await connection.execute(self._PIN, *wanted)
            pinned = await connection.fetchrow(self._PINNED)
            if pinned is None or tuple(pinned.values()) != wanted:
                kept = "nothing" if pinned is None else f"{pinned['environment']} account {pinned['account_id']}"
                raise EnvironmentMismatchError(
                    f"this database keeps the books of {kept}, not of {environment} account {account_id}: "
                    "give every account, environment and set of keys a database of its own"
                )
            await connection.execute(self._PIN_RISK, account_id)

    async def pinned(self) -> tuple[AccountId, Environment, str] | None:
        """Return account, environment and fingerprint that the database is bound to; None before the first start."""
        row = await self._pool.fetchrow(self._PINNED)
        if row is None:
            return None
        return AccountId(row["account_id"]), Environment(row["environment"]), row["fingerprint"]

    async def pinned_account(self) -> AccountId | None:
        """Return the account that the database is bound to; None before the first start, and without a schema."""
        try:
            pinned = await self.pinned()
        except asyncpg.UndefinedTableError:
            return None
        return None if pinned is None else pinned[0]

    _JOIN = """
    UPDATE accounts SET fleet = $2, fleet_expires_at = clock_timestamp() + $3
    WHERE account_id = $1 AND (fleet IS NULL OR fleet = $2 OR fleet_expires_at <= clock_timestamp())
    RETURNING fleet_expires_at
    """
    _FLEET = "SELECT fleet, fleet_expires_at FROM accounts WHERE account_id = $1"

    async def join(self, account_id: AccountId, fleet: str, duration: timedelta) -> datetime:
        """Take or renew the account's lease for a fleet; return when it expires (real time). Each process calls it.

        Raises:
            AccountInUseError: another fleet holds a live lease.
            EnvironmentMismatchError: the account was never pinned.
        """
        expires_at: datetime | None = await self._pool.fetchval(self._JOIN, account_id, fleet, duration)
        if expires_at is not None:
            return expires_at
        holder = await self._pool.fetchrow(self._FLEET, account_id)
        if holder is None:
            raise EnvironmentMismatchError(f"account {account_id} is not pinned to this database")
        raise AccountInUseError(
            f"fleet {holder['fleet']} trades {account_id} until {holder['fleet_expires_at']:%FT%TZ}; "
            f"stop it, or start with the same fleet name to join it, not as {fleet}"
        )

    _LEAVE = """
    UPDATE accounts SET fleet = NULL, fleet_expires_at = NULL WHERE account_id = $1 AND fleet = $2 RETURNING account_id
    """

    async def leave(self, account_id: AccountId, fleet: str) -> bool:
        """Release the account so that another fleet can take it; return False when this fleet did not hold it."""
        return await self._pool.fetchval(self._LEAVE, account_id, fleet) is not None
