"""How long each held position was without a watch, sampled from the books while builds come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from database.market_watches import ATTENDED_WITHIN
from database.pool import Pool, open_pool
from domain.identity import AccountId

HAND_OVER: Final = ATTENDED_WITHIN.total_seconds()
"""Real seconds without a renewal for which a watch counts as attended: what a hand-over to another host may take."""
_EVERY: Final = 0.2
_HELD: Final = """
SELECT positions.position_id,
    extract(epoch FROM clock_timestamp() - market_watches.renewed_at)::float AS silent,
    EXISTS (
        SELECT FROM orders WHERE orders.position_id = positions.position_id AND purpose = 'exit'
    ) AS is_selling
FROM positions
LEFT JOIN position_watches USING (account_id, position_id)
LEFT JOIN market_watches ON market_watches.account_id = position_watches.account_id
    AND market_watches.shard = position_watches.shard
WHERE positions.account_id = $1 AND is_live AND bought_quantity > sold_quantity
"""
"""A position without a watch that is for sale already is in the hands of its sale: I5 of the verifier judges that."""


@dataclass(slots=True)
class Gaps:
    """Real seconds without a watch: the longest of each phase, and the sum beyond a hand-over over all positions."""

    longest: dict[str, float] = field(default_factory=dict)
    beyond: float = 0.0

    def note(self, phase: str, seconds: float) -> None:
        """Note a stretch that has ended, or goes on."""
        self.longest[phase] = max(self.longest.get(phase, 0.0), seconds)


class Sampler:
    """Reads every held position a few times a second; ``phase`` names what is going on."""

    def __init__(self, pool: Pool, account_id: AccountId) -> None:
        self._pool = pool
        self._account_id = account_id
        self._open: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self.phase = ""
        self.gaps = Gaps()
        self.samples = 0

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(_EVERY)

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        rows = await self._pool.fetch(_HELD, self._account_id)
        self.samples += 1
        seen: dict[str, float] = {}
        for row in rows:
            name = str(row["position_id"])
            if row["silent"] is not None:
                self._since.pop(name, None)
                seen[name] = float(row["silent"])
            elif not row["is_selling"]:
                seen[name] = now - self._since.setdefault(name, now)
        for name, seconds in seen.items():
            self.gaps.note(self.phase, seconds)
            if seconds < self._open.get(name, 0.0):
                self._end(name)
            self._open[name] = seconds
        for name in self._open.keys() - seen.keys():
            self._end(name)

    def _end(self, name: str) -> None:
        self.gaps.beyond += max(self._open.pop(name) - HAND_OVER, 0.0)
        self._since.pop(name, None)

    def close(self) -> None:
        """End the stretches that go on."""
        for name in list(self._open):
            self._end(name)


@asynccontextmanager
async def sampling(owner_url: str, account_id: AccountId) -> AsyncIterator[Sampler]:
    """Sample while the block runs."""
    pool = await open_pool(owner_url, 1)
    sampler = Sampler(pool, account_id)
    task = asyncio.create_task(sampler.run())
    try:
        yield sampler
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sampler.close()
        await pool.close()
