"""Recovery after a hosting process is killed or stopped while it holds positions: time to watch and to sell again."""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.market import Side
from tools.bench.figures import Figure
from tools.bench.market import real_now
from tools.bench.stack import Stack, Trader, until
from tools.bench.watches import Watch
from tools.chaos.processes import Host

_WORKERS: Final = 6
_WORKERS_QUICKLY: Final = 2
_ROUNDS: Final = 5
_KILLED_AIMS: Final = (3.0, 4.0)
_STOPPED_AIMS: Final = (0.5, None)


@dataclass(slots=True)
class _Ended:
    """Results of rounds of one kind, in seconds since the signal."""

    watched: list[float] = field(default_factory=list)
    """Each position that another process had to take over."""
    all_watched: list[float] = field(default_factory=list)
    """The last position of each round."""
    sold: list[float] = field(default_factory=list)


async def measure(stack: Stack) -> list[Figure]:
    """Kill (-9) and stop (SIGTERM) one of two processes in turn."""
    killed, stopped = _Ended(), _Ended()
    for _ in range(1 if stack.quick else _ROUNDS):
        await _round(stack, signal.SIGTERM, stopped)
        await _round(stack, signal.SIGKILL, killed)
    return [
        *_figures("kill -9", killed, _KILLED_AIMS),
        *_figures("SIGTERM", stopped, _STOPPED_AIMS),
    ]


async def _round(stack: Stack, number: int, ended: _Ended) -> None:
    """End a process. Every second position that it watches becomes due for sale at that moment."""
    hosts = await stack.host_by(2)
    traders = await stack.traders(_WORKERS_QUICKLY if stack.quick else _WORKERS)
    await asyncio.gather(*(stack.until_holding(trader) for trader in traders))
    watches = {trader: await stack.watch_of(trader) for trader in traders}
    victim = _busiest(hosts, watches)
    gone = victim.pid
    affected = [trader for trader in traders if watches[trader].process == gone]
    due, kept = affected[1::2], affected[::2]
    at = real_now()
    victim.signal(number)
    await asyncio.gather(*(stack.market.falls(trader.symbol) for trader in due))
    again = await asyncio.gather(*(_watched_again(stack, trader, gone) for trader in kept))
    seconds = [(since - at).total_seconds() for since in again]
    ended.watched += seconds
    ended.all_watched += [max(seconds)] if seconds else []
    ended.sold += await asyncio.gather(*(_sold_after(stack, trader, at) for trader in due))
    await asyncio.gather(victim.until_ended(), *(stack.until_flat(trader) for trader in due))


def _busiest(hosts: list[Host], watches: dict[Trader, Watch]) -> Host:
    """Return the process with the most watches: the worst one to lose."""
    counts = Counter(watch.process for watch in watches.values())
    return max(hosts, key=lambda host: counts[host.pid])


async def _watched_again(stack: Stack, trader: Trader, gone: int | None) -> datetime:
    """Return the instant since which another process watches the position."""
    watch = Watch()

    async def is_watched() -> bool:
        nonlocal watch
        watch = await stack.watch_of(trader)
        return watch.process not in (None, gone)

    await until(is_watched, f"{trader.symbol} is watched again")
    return watch.since or real_now()


async def _sold_after(stack: Stack, trader: Trader, at: datetime) -> float:
    """Return the seconds until the sale arrives at the broker."""
    later: list[datetime] = []

    async def is_sold() -> bool:
        arrivals = await stack.market.arrivals(trader.symbol, Side.SELL)
        later[:] = [each.at for each in arrivals if each.at > at]
        return bool(later)

    await until(is_sold, f"{trader.symbol} is sold")
    return (later[0] - at).total_seconds()


def _figures(how: str, ended: _Ended, aims: tuple[float, float | None]) -> list[Figure]:
    watched, sold = aims
    return [
        Figure("recovery", f"{how}: a position is watched again", "s", tuple(ended.watched)),
        Figure("recovery", f"{how}: the last of them", "s", tuple(ended.all_watched), aim=watched),
        Figure("recovery", f"{how}: a due sale is at the broker", "s", tuple(ended.sold), aim=sold),
    ]
