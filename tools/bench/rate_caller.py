"""One process that shares a rate budget: requests more than it allows and prints its observations as JSON."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime

from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.protocol import AccessToken, RateBudget, RateSlot
from database.database import open_database
from domain.errors import TradingError
from domain.identity import AccountId, Environment
from domain.lane import Lane
from domain.market import Symbol

_STOCK = Symbol("005930")
_KEY, _SECRET = "HARU-BENCH-RATE-KEY".ljust(36, "0"), "S" * 180


@dataclass(slots=True)
class Seen:
    """Times of answered calls, slot durations, and for urgent calls the time from request to answer (s)."""

    answered: list[float] = field(default_factory=list)
    urgent: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    failed: int = 0


@dataclass(slots=True)
class _Timed:
    """The real budget; measures how long each slot is held."""

    budget: RateBudget
    seen: Seen

    @asynccontextmanager
    async def slot(self, lane: Lane, weight: int = 0) -> AsyncIterator[RateSlot]:
        async with self.budget.slot(lane, weight) as slot:
            began = time.monotonic()
            yield slot
            self.seen.held.append(time.monotonic() - began)


async def call_for(asked: argparse.Namespace) -> Seen:
    """Request ``demand`` calls per second for ``seconds``, whatever the outcome."""
    database = await open_database(os.environ["DATABASE_URL"])
    connection = KisConnection(
        environment=Environment.SIMULATED,
        trading_url=asked.broker,
        app_key=SecretStr(_KEY),
        app_secret=SecretStr(_SECRET),
        account_number=SecretStr("00000000"),
    )
    seen = Seen()
    budget = _Timed(database.rate_budget(AccountId(asked.budget), asked.limit), seen)
    async with KisBroker(connection, budget, database.tokens(asked.budget, AccessToken), _no_clock) as broker:
        with suppress(TimeoutError):
            async with asyncio.timeout(asked.seconds), asyncio.TaskGroup() as wants:
                wants.create_task(_want(broker, seen, wants, Lane[asked.lane], 1 / asked.demand))
                if asked.urgent:
                    wants.create_task(_want(broker, seen, wants, Lane.EXIT, 1 / asked.urgent))
    await database.aclose()
    return seen


async def _want(broker: KisBroker, seen: Seen, wants: asyncio.TaskGroup, lane: Lane, every: float) -> None:
    due = time.monotonic()
    while True:
        wants.create_task(_call(broker, seen, lane))
        due += every
        await asyncio.sleep(max(due - time.monotonic(), 0))


async def _call(broker: KisBroker, seen: Seen, lane: Lane) -> None:
    wanted = time.monotonic()
    try:
        await broker.order_book(_STOCK, lane)
    except TradingError:
        seen.failed += 1
        return
    seen.answered.append(time.monotonic())
    if lane is Lane.EXIT:
        seen.urgent.append(time.monotonic() - wanted)


def _no_clock() -> datetime:
    raise LookupError("an order book needs no clock")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the calls and print the observations."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.rate_caller")
    for name in ("broker", "budget", "lane"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--limit", type=int, required=True)
    for name in ("demand", "seconds", "urgent"):
        parser.add_argument(f"--{name}", type=float, required=True)
    seen = asyncio.run(call_for(parser.parse_args(arguments)))
    sys.stdout.write(json.dumps(asdict(seen)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
