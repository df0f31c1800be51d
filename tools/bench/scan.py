"""One scan of a hundred stocks by the real activity and client, over a socket, within the rate limit."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import median
from typing import Any, Final

from activities.account.day_start import DayStart
from activities.market.quote_feed import QuoteFeed
from activities.market_data import MarketDataActivities, ScanRequest
from activities.support.strategy_guard import StrategyGuard
from domain.errors import TryAgainError
from domain.identity import WorkerId
from domain.lane import Lane
from domain.rules import UniverseRules
from simulator.listings import first_listings
from tools.bench.client import Client, open_client
from tools.bench.figures import Figure
from tools.bench.stack import RULES, Stack

_AIM: Final = 2.0
_RESTS: Final = 1.2
"""Seconds until the whole budget is free again."""
_SCANS_UNTIL_ALL_IS_KNOWN: Final = 7
_STOCKS: Final = 100
_STOCKS_QUICKLY: Final = 6


@dataclass(slots=True)
class _Looks:
    """Measurements of one kind of scan."""

    seconds: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)


async def measure(stack: Stack) -> list[Figure]:
    """Measure a process's first scan, a later scan, and the bare batch of quotes that each contains."""
    async with open_client(stack) as client:
        return await _measured(_Scanning(stack, client))


class _Scanning:
    def __init__(self, stack: Stack, client: Client) -> None:
        self.stack = stack
        self._client = client
        self.universe = tuple(first_listings(_STOCKS_QUICKLY if stack.quick else _STOCKS))
        rules = replace(
            RULES,
            universe=UniverseRules(ranking_size=0, symbols=self.universe),
            execution=replace(RULES.execution, scan_interval=timedelta(milliseconds=1)),
        )
        plan = stack.fleet.plan_at(stack.fleet.market_now())
        self._request = ScanRequest(stack.fleet.account_id, WorkerId("bench"), rules, plan)

    async def quotes(self) -> None:
        """Request only the prices."""
        await self._client.broker.quotes(self.universe, Lane.SCAN)

    def fresh(self) -> MarketDataActivities:
        """Return the activities of a freshly started process."""
        broker, database, pace = self._client.broker, self._client.database, self._client.pace
        day_start = DayStart(broker, database, self.stack.fleet.calendar, pace)
        return MarketDataActivities(
            QuoteFeed(broker, pace), broker, database, pace, day_start, guard=StrategyGuard(database, pace)
        )

    async def scan(self, activities: MarketDataActivities) -> None:
        """Scan the whole universe once."""
        report = await activities.scan(self._request)
        if report.looked_at != len(self.universe):
            raise LookupError(f"the scan has seen {report.looked_at} of {len(self.universe)} stocks")

    async def learn(self, activities: MarketDataActivities) -> None:
        """Scan until it succeeds: the simulator draws a stock's past on the first request, which takes a while."""
        while True:
            try:
                return await self.scan(activities)
            except TryAgainError:
                await asyncio.sleep(_RESTS)

    async def calls(self) -> dict[str, Any]:
        """Return the broker's own count of calls."""
        return dict((await self.stack.market.status())["calls"])

    async def timed(self, look: Callable[[], Awaitable[None]], into: _Looks) -> None:
        """Wait until the budget is free, then scan."""
        await asyncio.sleep(_RESTS)
        before = (await self.calls())["total"]
        began = time.perf_counter()
        await look()
        into.seconds.append(time.perf_counter() - began)
        into.calls.append(float((await self.calls())["total"] - before))


async def _measured(scanning: _Scanning) -> list[Figure]:
    quick = scanning.stack.quick
    bare, first, later = _Looks(), _Looks(), _Looks()
    used = scanning.fresh()
    for _ in range(1 if quick else _SCANS_UNTIL_ALL_IS_KNOWN):
        await scanning.learn(used)
    for _ in range(1 if quick else 8):
        await scanning.timed(scanning.quotes, bare)
        await scanning.timed(lambda: scanning.scan(used), later)
        await scanning.timed(lambda: scanning.scan(scanning.fresh()), first)
    calls = await scanning.calls()
    floor, stocks = median(bare.seconds), len(scanning.universe)
    return [
        Figure("scan", f"floor: quotes of {stocks} stocks", "s", tuple(bare.seconds)),
        Figure("scan", f"a process's first scan of {stocks} stocks", "s", tuple(first.seconds), floor, _AIM),
        Figure("scan", "its calls", "calls", tuple(first.calls)),
        Figure("scan", f"a later scan of {stocks} stocks", "s", tuple(later.seconds), floor, _AIM),
        Figure("scan", "its calls", "calls", tuple(later.calls)),
        Figure("scan", "most calls in any sliding second", "calls", (float(calls["most_in_a_second"]),), aim=18.0),
        Figure("scan", "calls that the broker refused", "calls", (float(calls["refused"]),), aim=0.0),
    ]
