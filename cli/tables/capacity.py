"""How old held prices may get, and how many more stocks may be held, for `status`."""

from dataclasses import dataclass
from typing import Any

from domain.capacity import Capacity
from domain.identity import WorkerId
from domain.rules import ExecutionRules
from fleet.fleet import Fleet

_NO_WORKER = WorkerId("")
"""Beside it every worker is another one."""


@dataclass(frozen=True, slots=True)
class PriceCapacity:
    """The capacity now, and the number of held stocks."""

    capacity: Capacity
    held: int


async def read_capacity(fleet: Fleet, rules: ExecutionRules) -> PriceCapacity | None:
    """Read how many stocks are held, and whether the stream is live; None without known sources of prices."""
    if fleet.supply is None:
        return None
    now = fleet.market_now()
    session = fleet.plan_at(now).session.date
    snapshot = await fleet.database.risk.snapshot(fleet.account_id, _NO_WORKER, session, now)
    streamed = fleet.supply.streamed if snapshot.stream_is_live else 0
    return PriceCapacity(Capacity(fleet.supply, rules, streamed), snapshot.held_by_others)


def capacity_line(now: PriceCapacity) -> str:
    """Return the line of `status`."""
    age, room = now.capacity.age(now.held), f"room for {now.capacity.room(now.held)} more"
    if not age:
        return f"prices: {now.held} stocks held, all by stream · {room}"
    return f"prices: {now.held} stocks held, each price at most {age.total_seconds():.1f} s old · {room}"


def capacity_json(now: PriceCapacity | None) -> dict[str, Any]:
    """Return the capacity as JSON values; ages in seconds of real time."""
    if now is None:
        return {"prices": None}
    return {
        "prices": {
            "held": now.held,
            "streamed_at_most": now.capacity.streamed,
            "calls_per_second": round(now.capacity.supply.calls_per_second, 2),
            "oldest_seconds": now.capacity.age(now.held).total_seconds(),
            "oldest_seconds_allowed": now.capacity.rules.greatest_quote_age.total_seconds(),
            "room": now.capacity.room(now.held),
        }
    }
