"""This process's word in the books about the keys of what crosses Temporal."""

import asyncio
import os
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from database.errors import DATABASE_FAULTS
from fleet.fleet import Fleet

_LEAVES_WITHIN: Final = 5.0


class KeyHold:
    """Says which keys this process knows, by their ids, the encrypting one first."""

    def __init__(self, fleet: Fleet, key_ids: Sequence[str]) -> None:
        self._fleet = fleet
        self._key_ids = key_ids
        self._host = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:4]}"

    async def join(self) -> None:
        """Host under these keys, or go on to.

        Raises:
            KeysDifferError: the fleet's other hosts do not share them.
        """
        await self._fleet.database.payload_keys.join(self._fleet.account_id, self._host, self._key_ids)

    async def leave(self) -> None:
        """End: the hosts that come after this one may know other keys. Without PostgreSQL that stays unwritten."""
        with suppress(*DATABASE_FAULTS, TimeoutError):
            async with asyncio.timeout(_LEAVES_WITHIN):
                await self._fleet.database.payload_keys.leave(self._fleet.account_id, self._host)
