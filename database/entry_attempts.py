"""Repeated attempts of a buy: from the begin of a later one, statements of earlier ones change no row."""

from typing import Final

from database.pool import Pool, transaction
from database.risk import hold_gate
from domain.errors import OvertakenError
from domain.identity import AccountId
from domain.lock import EntryAttempt

OVERTAKEN_BY: Final = "SELECT FROM entry_attempts WHERE intent_id = {} AND attempt > {}"
"""Condition of a statement of an attempt: the parameters of its intent and its number."""
_BEGIN: Final = """
INSERT INTO entry_attempts AS kept (intent_id, attempt) VALUES ($1, $2)
ON CONFLICT (intent_id) DO UPDATE SET attempt = $2, began_at = clock_timestamp() WHERE kept.attempt <= $2
RETURNING attempt
"""


class EntryAttempts:
    """The table ``entry_attempts``. A first attempt writes no row: most buys have no other."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, account_id: AccountId, attempt: EntryAttempt) -> None:
        """Shut out the earlier attempts of a buy; afterwards its intent is recorded, or no earlier one records it.

        Raises:
            OvertakenError: a later attempt has begun already.
        """
        if attempt.number == 1:
            return
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)  # an earlier attempt that records its intent holds it too
            if await connection.fetchval(_BEGIN, attempt.intent_id, attempt.number) is None:
                raise OvertakenError(attempt.intent_id)
