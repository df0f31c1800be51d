"""Cost of encryption and seals: workflows of plain steps on the stack's server, with and without keys."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from security.sealing.codec import sealed
from security.sealing.guard import Guard
from security.sealing.keys import KeyRing, new_key
from security.sealing.refusals import Refusals
from tools.bench.figures import Figure
from tools.bench.stack import Stack
from workflows.payloads import DATA_CONVERTER

_ROUNDS: Final = 5
_RUNS: Final = 20
_STEPS: Final = 8
"""As many activities as a trade has."""
_PARCEL: Final = "x" * 700
"""Roughly the input and result of one activity of a trade."""
_WITHIN: Final = timedelta(seconds=60)


@activity.defn
async def step(parcel: str) -> str:
    """Return the argument."""
    return parcel


@workflow.defn(sandboxed=False)
class Steps:
    """Run as many activities as a trade has, one after another."""

    @workflow.run
    async def run(self, parcel: str) -> str:
        """Pass a parcel from step to step."""
        for _ in range(_STEPS):
            parcel = await workflow.execute_activity(step, parcel, start_to_close_timeout=_WITHIN)
        return parcel


@dataclass(frozen=True, slots=True)
class _Round:
    events_a_second: float
    milliseconds: float
    bytes: float


async def measure(stack: Stack) -> list[Figure]:
    """Run the same workflows alternately without and with keys, under the same machine load."""
    address = stack.fleet.client.service_client.config.target_host
    ring = KeyRing([new_key()])
    proven: dict[str, Any] = {
        "data_converter": sealed(DATA_CONVERTER, ring, Refusals()),
        "interceptors": [Guard(ring, Refusals())],
    }
    clients = {
        "plain": await Client.connect(address, data_converter=DATA_CONVERTER),
        "sealed": await Client.connect(address, **proven),
    }
    rounds: dict[str, list[_Round]] = {name: [] for name in clients}
    for _ in range(1 if stack.quick else _ROUNDS):
        for name, client in clients.items():
            rounds[name].append(await _played(client, 2 if stack.quick else _RUNS))
    return [figure for name in clients for figure in _figures(name, rounds[name])] + await _alone(ring)


async def _played(client: Client, runs: int) -> _Round:
    queue = f"bench-{uuid.uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[Steps], activities=[step]):
        began = time.perf_counter()
        handles = [
            await client.start_workflow(Steps.run, _PARCEL, id=f"{queue}-{number}", task_queue=queue)
            for number in range(runs)
        ]
        await asyncio.gather(*(handle.result() for handle in handles))
        took = time.perf_counter() - began
    about = [(await handle.describe()).raw_description.workflow_execution_info for handle in handles]
    events, size = sum(each.history_length for each in about), sum(each.history_size_bytes for each in about)
    return _Round(events / took, took / runs * 1000, size / runs)


def _figures(name: str, rounds: list[_Round]) -> list[Figure]:
    def each(value: Callable[[_Round], float]) -> tuple[float, ...]:
        return tuple(value(played) for played in rounds)

    what = f"{_RUNS} workflows of {_STEPS} steps"
    return [
        Figure("codec", f"{name}: {what}", "events/s", each(lambda r: r.events_a_second)),
        Figure("codec", f"{name}: time of one workflow among them", "ms", each(lambda r: r.milliseconds)),
        Figure("codec", f"{name}: history of one workflow", "bytes", each(lambda r: r.bytes)),
    ]


async def _alone(ring: KeyRing) -> list[Figure]:
    """Measure encrypting and decrypting a single payload on its own."""
    values: dict[str, list[float]] = {"plain": [], "sealed": []}
    converters = {"plain": DATA_CONVERTER, "sealed": sealed(DATA_CONVERTER, ring, Refusals())}
    for _ in range(200):
        for name, converter in converters.items():
            began = time.perf_counter()
            await converter.decode(await converter.encode([_PARCEL]))
            values[name].append((time.perf_counter() - began) * 1000)
    return [Figure("codec", f"{name}: one payload there and back", "ms", tuple(each)) for name, each in values.items()]
