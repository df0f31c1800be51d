"""Register the payload encryption keys that this process knows."""

import asyncio
import os
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from database.errors import DATABASE_FAULTS
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

_LEAVES_WITHIN: Final = 5.0


class KeyHold:
    """Record the ids of the keys that this process knows, the encrypting key first."""

    terms = Terms("payload_keys", every=20.0)

    def __init__(self, fleet: Fleet, key_ids: Sequence[str]) -> None:
        self._fleet = fleet
        self._key_ids = key_ids
        self._host = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:4]}"

    async def join(self) -> None:
        """Register or renew this host under its keys.

        Raises:
            KeysDifferError: the fleet's other hosts do not share them.
        """
        await self._fleet.database.payload_keys.join(self._fleet.account_id, self._host, self._key_ids)

    async def look(self) -> None:
        """Renew the registration."""
        await self.join()

    async def leave(self) -> None:
        """Unregister: later hosts may know other keys. Without PostgreSQL no record is written."""
        with suppress(*DATABASE_FAULTS, TimeoutError):
            async with asyncio.timeout(_LEAVES_WITHIN):
                await self._fleet.database.payload_keys.leave(self._fleet.account_id, self._host)
