"""The symbol lock compared with a bare ``SELECT 1`` and a durable update of one row, all through one pool."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from database.locks import Locks
from database.pool import Pool, open_pool
from domain.identity import AccountId, WorkerId
from domain.lock import Lease
from domain.market import Symbol
from tools.bench.figures import Figure, timed
from tools.bench.stack import Stack

_POOL: Final = 20
_CLIENTS: Final = (1, 20)
_RACERS: Final = 100
_AIM: Final = 100.0
"""Milliseconds for an acquire or a release."""
_PREPARE: Final = """
CREATE TABLE IF NOT EXISTS bench_floor (id integer PRIMARY KEY, number integer NOT NULL);
INSERT INTO bench_floor SELECT id, 0 FROM generate_series(0, 99) AS id ON CONFLICT DO NOTHING;
"""
_WRITE: Final = "UPDATE bench_floor SET number = number + 1 WHERE id = $1"

Samples = defaultdict[str, list[float]]
Act = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Length:
    rounds: int
    slice: float
    """Real seconds per operation and round."""
    races: int


async def measure(stack: Stack) -> list[Figure]:
    """Measure with one and with twenty clients, then let a hundred workers race for one symbol."""
    length = _Length(1, 0.05, 3) if stack.quick else _Length(10, 0.3, 100)
    pool = await open_pool(stack.owner_url, _POOL)
    try:
        await pool.execute(_PREPARE)
        locks = _Locking(pool, stack.fleet.account_id)
        figures = [figure for clients in _CLIENTS for figure in await _with_clients(locks, clients, length)]
        return figures + await _races(locks, length.races)
    finally:
        await pool.close()


class _Locking:
    """The timed operations, each for one client number. Every client has its own symbol and worker."""

    def __init__(self, pool: Pool, account_id: AccountId) -> None:
        self.locks = Locks(pool)
        self.account_id = account_id
        self._pool = pool
        self.samples: Samples = defaultdict(list)

    @property
    def acts(self) -> Mapping[str, Act]:
        """Return the operations in the order in which they alternate."""
        return {"select": self.select, "write": self.write, "pair": self.pair, "lose": self.lose}

    async def select(self, _: int) -> None:
        with timed(self.samples["select"]):
            await self._pool.fetchval("SELECT 1")

    async def write(self, client: int) -> None:
        with timed(self.samples["write"]):
            await self._pool.execute(_WRITE, client)

    async def pair(self, client: int) -> None:
        with timed(self.samples["pair"]):
            with timed(self.samples["acquire"]):
                lease = await self.acquire(_symbol("P", client), WorkerId(f"bench-{client}"))
            with timed(self.samples["release"]):
                await self.locks.release(_won(lease))

    async def lose(self, client: int) -> None:
        with timed(self.samples["lose"]):
            await self.acquire(_symbol("H", client), WorkerId("bench-late"))

    async def acquire(self, symbol: Symbol, worker_id: WorkerId) -> Lease | None:
        answer = await self.locks.acquire(self.account_id, symbol, worker_id)
        return answer if isinstance(answer, Lease) else None


async def _with_clients(locking: _Locking, clients: int, length: _Length) -> list[Figure]:
    held = [await locking.acquire(_symbol("H", client), WorkerId("bench-early")) for client in range(clients)]
    for act in locking.acts.values():
        await _in_a_slice(act, clients, 0)
    locking.samples.clear()
    for _ in range(length.rounds):
        for act in locking.acts.values():
            await _in_a_slice(act, clients, length.slice)
    for lease in held:
        await locking.locks.release(_won(lease))
    samples = locking.samples
    floors = {name: median(samples[name]) for name in ("select", "write")}
    who = f"{clients} client" + "s" * (clients > 1)

    def figure(name: str, what: str, floor: str | None = "select", aim: float | None = None) -> Figure:
        beside = floors[floor] if floor else None
        return Figure("lock", f"{what}, {who}", "ms", tuple(samples[name]), beside, aim)

    return [
        figure("select", "floor: SELECT 1", None),
        figure("write", "floor: durable update of a row (× SELECT 1)"),
        figure("acquire", "acquire (× durable update)", "write", _AIM),
        figure("release", "release (× durable update)", "write", _AIM),
        figure("pair", "acquire + release (× SELECT 1)"),
        figure("lose", "losing try (× SELECT 1)"),
    ]


async def _in_a_slice(act: Act, clients: int, seconds: float) -> None:
    """Let every client repeat the operation, at least once."""
    ends = time.perf_counter() + seconds

    async def again_and_again(client: int) -> None:
        await act(client)
        while time.perf_counter() < ends:
            await act(client)

    await asyncio.gather(*(again_and_again(client) for client in range(clients)))


async def _races(locking: _Locking, races: int) -> list[Figure]:
    took: list[float] = []
    winners: Counter[int] = Counter()
    for race in range(races):
        symbol = _symbol("R", race)
        with timed(took):
            answers = await asyncio.gather(
                *(locking.acquire(symbol, WorkerId(f"racer-{racer}")) for racer in range(_RACERS))
            )
        won = [lease for lease in answers if lease is not None]
        winners[len(won)] += 1
        for lease in won:
            await locking.locks.release(lease)
    counts = tuple(float(count) for count in winners.elements())
    return [
        Figure("lock", f"{_RACERS} workers race for a symbol: until all know", "ms", tuple(took)),
        Figure("lock", f"{_RACERS} workers race for a symbol: winners", "workers", counts, aim=1.0),
    ]


def _symbol(kind: str, number: int) -> Symbol:
    return Symbol(f"{kind}{number:05}")


def _won(lease: Lease | None) -> Lease:
    if lease is None:
        raise LookupError("a free lock was not acquired")
    return lease
