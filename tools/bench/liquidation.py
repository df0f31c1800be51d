"""Time to sell all positions at the deadline, compared with N ÷ calls per second at the broker."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from broker.kis.calls import Call
from domain.clock import in_seoul
from domain.close_plan import CloseLeads, plan_session
from domain.identity import Environment
from domain.market import Side
from domain.position import ClosedTrade
from domain.rules import TradingRules
from domain.session import REGULAR_HOURS, SessionPlan, session_date_of, session_of
from fleet.schedule import schedule_close
from simulator.listings import MOST_LISTINGS
from tools.bench.figures import Figure
from tools.bench.holdings import Lot, hold
from tools.bench.market import CallSeen, real_now
from tools.bench.stack import NothingHappenedError, Stack, Start, running_stack, until

MOST_POSITIONS: Final = 1_000
_PROCESSES: Final = 2
_AIM: Final = 1.1
"""Multiple of the floor."""
_CASH: Final = 10**11
_SESSION: Final = session_of(date(2026, 11, 23), REGULAR_HOURS)
_SECOND: Final = timedelta(seconds=1)
_EACH: Final = 0.6
"""Real seconds per position for buying and starting, in addition to the calls."""
_KINDS: Final = {
    Call.ORDER_LIST: "order lists",
    Call.PRICES: "prices of up to 30 stocks",
    Call.CANCEL: "cancels",
    Call.BALANCE: "balances",
}
_SALES: Final = "sales"
_OTHERS: Final = "other calls"


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Result of one liquidation. Seconds are real; ``calls`` are those from the first sale to the last fill."""

    count: int
    until_first: float
    took: float
    booked: float
    calls: Mapping[str, int]
    most_in_a_second: int
    refused: int
    wrong: int
    """Positions that were not sold exactly once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many positions to sell in how many markets, at how many calls per second."""

    count: int = 100
    rounds: int = 3
    rate: int = 18
    lead: timedelta = timedelta(seconds=60)
    """Real time for the parts to start; buying and starting the workers comes on top."""

    @property
    def start(self) -> datetime:
        """Return the market instant at which the stack must start to hold everything at the deadline."""
        return self.plan.liquidation_at - self.lead - timedelta(seconds=_EACH * self.count + self.count / self.rate)

    @property
    def plan(self) -> SessionPlan:
        """Return the computed deadlines for this many workers at this rate."""
        return plan_session(_SESSION, CloseLeads(calls_per_second=self.rate), 1, self.count)


async def measure(folder: Path, wanted: Wanted) -> list[Figure]:
    """Let the workers' own timers and the scheduled close sell everything, each round in its own market."""
    return _figures(wanted, [await _one(folder, wanted) for _ in range(wanted.rounds)])


async def _one(folder: Path, wanted: Wanted) -> Liquidation:
    count = wanted.count
    listings = min(count + count // 4 + 6, MOST_LISTINGS)
    market = Start(listings, f"{in_seoul(wanted.start):%Y-%m-%dT%H:%M:%S}", _CASH, wanted.rate)
    async with running_stack(folder, quick=False, start=market) as stack:
        lots = await hold(stack, count, _PROCESSES)
        begins_at = stack.fleet.clock.real_time(wanted.plan.liquidation_at)
        await schedule_close(stack.fleet, TradingRules(), stack.fleet.market_now())
        if real_now() >= begins_at:
            raise NothingHappenedError(f"{count} positions were not held in time: the market closes already")
        await asyncio.sleep((begins_at - real_now()).total_seconds())
        limit = 120 + 4 * count / wanted.rate
        await until(lambda: _all_booked(stack, count), f"{count} positions are sold and booked", limit, every=0.5)
        return await _seen(stack, lots, begins_at)


async def _all_booked(stack: Stack, count: int) -> bool:
    return len(await _trades(stack)) == count


async def _trades(stack: Stack) -> tuple[ClosedTrade, ...]:
    fleet = stack.fleet
    return await fleet.database.trades.on(fleet.account_id, session_date_of(fleet.market_now()))


async def _seen(stack: Stack, lots: Sequence[Lot], begins_at: datetime) -> Liquidation:
    account, calls = await stack.market.account(), await stack.market.calls_since(begins_at)
    sales = [each for each in account["orders"] if each["side"] == Side.SELL.value and not each["original"]]
    real = stack.fleet.clock.real_time
    first = min(each.at for each in calls if _kind(each) == _SALES)
    last = max(real(datetime.fromisoformat(fill["at"])) for each in sales for fill in each["fills"])
    booked = max(real(trade.closed_at) for trade in await _trades(stack))
    return Liquidation(
        count=len(lots),
        until_first=(first - begins_at).total_seconds(),
        took=(last - first).total_seconds(),
        booked=(booked - first).total_seconds(),
        calls=Counter(_kind(each) for each in calls if first <= each.at <= last),
        most_in_a_second=_most_in_a_second(calls),
        refused=sum(not each.passed for each in calls),
        wrong=_wrong(lots, account, sales),
    )


def _wrong(lots: Sequence[Lot], account: Mapping[str, Any], sales: Sequence[Mapping[str, Any]]) -> int:
    sold: Counter[str] = Counter()
    for each in sales:
        sold[each["symbol"]] += each["filled"]
    left = {held["symbol"] for held in account["holdings"] if held["quantity"]}
    return sum(sold[lot.symbol] != lot.quantity or lot.symbol in left for lot in lots)


def _kind(call: CallSeen) -> str:
    if call.tr_id == Call.SELL.tr_id(Environment.SIMULATED):
        return _SALES
    named = {each.tr_id(Environment.SIMULATED): words for each, words in _KINDS.items()}
    return named.get(call.tr_id, _OTHERS)


def _most_in_a_second(calls: Sequence[CallSeen]) -> int:
    most, oldest = 0, 0
    for newest, call in enumerate(calls):
        while call.at - calls[oldest].at >= _SECOND:
            oldest += 1
        most = max(most, newest - oldest + 1)
    return most


def _figures(wanted: Wanted, seen: Sequence[Liquidation]) -> list[Figure]:
    floor, what = wanted.count / wanted.rate, f"{wanted.count:,} positions, {wanted.rate} calls/s"

    def figure(words: str, unit: str, values: Sequence[float], **beside: float) -> Figure:
        return Figure("liquidation", f"{what}: {words}", unit, tuple(map(float, values)), **beside)

    kinds = [_SALES, *_KINDS.values(), _OTHERS]
    return [
        figure("first sale → last share sold", "s", [each.took for each in seen], floor=floor, aim=_AIM * floor),
        figure("deadline → first sale", "s", [each.until_first for each in seen]),
        figure("first sale → every trade booked", "s", [each.booked for each in seen]),
        *(figure(f"meanwhile {kind}", "calls", [each.calls[kind] for each in seen]) for kind in kinds),
        figure("most calls in any sliding second", "calls", [each.most_in_a_second for each in seen], aim=wanted.rate),
        figure("calls that the broker refused", "calls", [each.refused for each in seen], aim=0),
        figure("not sold exactly once", "positions", [each.wrong for each in seen], aim=0),
    ]
