"""Processor time of a host with metrics and with traces, beside the same host without: alternating, in one run."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from runtime.embedded.ports import free_port
from tools.bench.figures import Figure
from tools.bench.stack import NothingHappenedError, Stack, Trader
from tools.bench.usage import seconds_of
from tools.chaos.processes import Host
from tools.tracing.receiver import receiving
from tools.tracing.trades import Trades

_PLAIN: Final = "plain"
_WORKERS: Final = 2
_ROUNDS: Final = 3
_TRADES: Final = 10
"""Of each worker in a round."""
_WARM_UP: Final = 2
_REST: Final = 20.0
"""Real seconds of a round in which the workers only scan."""
_SETTLES: Final = 10.0
"""Real seconds after the first trades, in which the host's duties run for the first time."""
_DAY_SECONDS: Final = 6.5 * 3600
_DAY_TRADES: Final = 100
_AIM: Final = 102.0


async def measure(stack: Stack) -> list[Figure]:
    """Play the same trades on a plain host, one with metrics, and one with traces, in turns."""
    rounds, each, rest = (1, 1, 1.0) if stack.quick else (_ROUNDS, _TRADES, _REST)
    traders = await stack.traders(1 if stack.quick else _WORKERS)
    a_trade, a_second = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    trades = Trades()
    with receiving(trades.take) as address:
        kinds: Mapping[str, Mapping[str, str]] = {
            _PLAIN: {},
            "metrics": {"HARU_TELEMETRY__PROMETHEUS_ADDRESS": f"127.0.0.1:{free_port()}"},
            "traces": {"HARU_TELEMETRY__TRACES_ENDPOINT": address},
        }
        for number in range(rounds):
            for kind in list(kinds) if number % 2 == 0 else reversed(list(kinds)):
                async with stack.hosted_with(f"observed-{kind}", **kinds[kind]) as host:
                    if not stack.quick:
                        await _play(stack, traders, _WARM_UP)
                        await asyncio.sleep(_SETTLES)
                    used, resting = await _used(stack, host, traders, each, rest)
                a_trade[kind].append(used)
                a_second[kind].append(resting)
    if not trades.settled():
        raise NothingHappenedError("no trace of a settled trade has arrived")
    return [*_figures(a_trade, a_second)]


async def _used(stack: Stack, host: Host, traders: Sequence[Trader], each: int, rest: float) -> tuple[float, float]:
    """Return the host's milliseconds for one trade more than resting takes, and for a resting second."""
    pid, clock = host.pid or 0, asyncio.get_running_loop().time
    before, began = seconds_of(pid), clock()
    await asyncio.sleep(rest)
    resting = (seconds_of(pid) - before) / (clock() - began)
    before, began = seconds_of(pid), clock()
    await _play(stack, traders, each)
    playing = max(seconds_of(pid) - before - resting * (clock() - began), 0.0)
    return 1000 * playing / (each * len(traders)), 1000 * resting


async def _play(stack: Stack, traders: Sequence[Trader], count: int) -> None:
    async def trade(trader: Trader) -> None:
        for _ in range(count):
            await stack.until_holding(trader)
            await stack.market.falls(trader.symbol)
            await stack.until_flat(trader)

    await asyncio.gather(*map(trade, traders))


def _figures(a_trade: Mapping[str, list[float]], a_second: Mapping[str, list[float]]) -> list[Figure]:
    found = []
    plain = _of_a_day(a_trade[_PLAIN], a_second[_PLAIN])
    for kind in a_trade:
        found += [
            Figure("observed", f"{kind}: a host's processor time for a trade", "ms", tuple(a_trade[kind])),
            Figure(
                "observed", f"{kind}: a host's processor time for a second without trades", "ms", tuple(a_second[kind])
            ),
        ]
        if kind != _PLAIN:
            share = 100 * _of_a_day(a_trade[kind], a_second[kind]) / plain if plain else 0.0
            name = f"{kind}: a host's processor time in a day of {_DAY_TRADES} trades, plain = 100"
            found.append(Figure("observed", name, "%", (share,), aim=_AIM))
    return found


def _of_a_day(a_trade: Sequence[float], a_second: Sequence[float]) -> float:
    return median(a_trade) * _DAY_TRADES + median(a_second) * _DAY_SECONDS
