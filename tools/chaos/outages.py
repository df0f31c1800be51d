"""One part is away for a minute in the middle of an order: what the books say before, during and after."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import httpx

from database.audit import AuditedOrder
from domain.identity import IntentId
from domain.market import Side
from domain.order import OrderStatus
from runtime.embedded import postgres, simulator, temporal
from tools.chaos.day import Day, DayAsked, running_day
from tools.chaos.processes import HostFailedError, child_of, send
from verifier.books import Books
from verifier.reading import read_books
from verifier.report import report_json
from verifier.verdict import Verdict, judge
from workflows.close_outcome import CloseOutcome
from workflows.identity import worker_workflow_id

_ORDER: Final = "trading/order-cash"
_REPLY_TAKES: Final = 3.0
"""Real seconds for which the broker delays its reply: long enough to strike while the order is in progress."""
_ORDERED_WITHIN: Final = 75.0
_LOOK: Final = 0.05
_BROUGHT_TO_ORDER: Final = 36.0
"""Real seconds that must remain after an outage before the session ends: a lost reply alone takes 22."""


class Part(StrEnum):
    """The part that is away."""

    POSTGRES = "postgres"
    TEMPORAL = "temporal"
    BROKER = "broker"
    HOST = "host"
    """The hosting process that sends the order: it runs, but cannot reach the three other parts."""


class Moment(StrEnum):
    """The kind of order during which the outage starts."""

    ENTRY = "entry"
    EXIT = "exit"


_GUARDED: Final = {Part.POSTGRES: postgres.NAME, Part.TEMPORAL: temporal.NAME, Part.BROKER: simulator.NAME}
_SIDES: Final = {Moment.ENTRY: Side.BUY, Moment.EXIT: Side.SELL}


@dataclass(frozen=True, slots=True)
class Outage:
    """Which part is away, during which kind of order, and for how many real seconds."""

    part: Part
    moment: Moment
    seconds: float

    @property
    def name(self) -> str:
        """Return the name of the result's folder and file."""
        return f"{self.part}-{self.moment}"

    def day(self, workers: int, processes: int) -> DayAsked:
        """Return a day long enough to trade before the outage, to last through it, and to recover after it."""
        minutes = (self.seconds + _BROUGHT_TO_ORDER) / 60 + 1.0
        return DayAsked(seed=1, minutes=minutes, processes=processes, workers=workers)


class NoOrderError(Exception):
    """No worker sent an order of the wanted side in time, so there was nothing to strike."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the books, and when (real time) it was written."""

    at: datetime
    what: str
    intent_id: str = ""


@dataclass(frozen=True, slots=True)
class Stood:
    """Result of one outage; instants are real time."""

    outage: Outage
    struck: IntentId
    began: datetime
    ended: datetime
    closed: CloseOutcome | None
    verdict: Verdict

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the entries of the books, oldest first."""
        return tuple(sorted(_lines(self.verdict.books), key=lambda line: line.at))

    @property
    def last_before(self) -> Line | None:
        """Return the last entry before the outage."""
        return max((line for line in self.lines if line.at < self.began), key=lambda line: line.at, default=None)

    @property
    def meanwhile(self) -> tuple[Line, ...]:
        """Return the entries written during the outage."""
        return tuple(line for line in self.lines if self.began <= line.at < self.ended)

    @property
    def first_after(self) -> Line | None:
        """Return the first entry after the outage."""
        return next((line for line in self.lines if line.at >= self.ended), None)

    @property
    def known_again(self) -> Line | None:
        """Return the entry that records the fate of the struck order."""
        return next((line for line in self.lines if line.intent_id == self.struck and line.at > self.began), None)

    @property
    def ordered_again(self) -> Line | None:
        """Return the first order that was sent after the outage."""
        return next((line for line in self.lines if line.at >= self.ended and line.what.startswith("sent")), None)

    @property
    def final_status(self) -> OrderStatus:
        """Return the final status of the struck order."""
        orders = {order.record.intent.intent_id: order.record for order in self.verdict.books.ledger.orders}
        return orders[self.struck].status

    @property
    def is_sound(self) -> bool:
        """Return whether the day closed without violations."""
        return self.closed is not None and not self.verdict.count

    def after(self, line: Line | None) -> float | None:
        """Return how many seconds after the outage's end an entry was written; negative during the outage."""
        return None if line is None else (line.at - self.ended).total_seconds()

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; seconds count from the outage's end."""
        entries = {
            "last before": self.last_before,
            "fate of the order": self.known_again,
            "next order": self.ordered_again,
        }
        return {
            "outage": self.outage.name,
            "seconds": self.outage.seconds,
            "began": self.began.isoformat(),
            "ended": self.ended.isoformat(),
            "struck": self.struck,
            "became": self.final_status.value,
            **{name: line and {"what": line.what, "seconds": self.after(line)} for name, line in entries.items()},
            "written meanwhile": len(self.meanwhile),
            "closed": self.closed is not None,
            "flat": self.closed is not None and self.closed.flat,
            "verdict": report_json(self.verdict),
            "timeline": [f"{line.at:%H:%M:%S.%f} {line.what}" for line in self.lines],
        }


async def stand(outage: Outage, asked: DayAsked, home: Path, log: Callable[[str], None]) -> Stood:
    """Play a day, strike, wait, let the day end, and verify it.

    While a part that all processes need is away, a position counts as unwatched only after the outage's length on top
    of the usual limit: a watcher continues even if its lease or report cannot be written, but nothing records it.

    Raises:
        NoOrderError: no worker sent an order.
    """
    async with running_day(asked, home / outage.name, cuttable=outage.part is Part.HOST) as day:
        log(f"{outage.name}: {day.parts.endpoints}")
        struck, began, ended = await _strike(day, outage, log)
        log("back again; the day may end")
        closed = await day.closed()
        # With one process cut off, the others continue, and so must the watching.
        allowance = timedelta(seconds=0 if outage.part is Part.HOST else outage.seconds + 5)

        async def read() -> Books:
            books = await read_books(day.sources, day.plan)
            return replace(books, longest_unwatched=books.longest_unwatched + allowance)

        return Stood(outage, struck, began, ended, closed, await judge(read))


async def _strike(day: Day, outage: Outage, log: Callable[[str], None]) -> tuple[IntentId, datetime, datetime]:
    struck = await _order_under_way(day, _SIDES[outage.moment])
    log(f"{struck.record.intent.intent_id} is {struck.record.status}; {outage.part} goes for {outage.seconds:.0f} s")
    began = _now()
    async with _away(day, outage.part, struck):
        await asyncio.sleep(outage.seconds)
    return struck.record.intent.intent_id, began, _now()


async def _order_under_way(day: Day, side: Side) -> AuditedOrder:
    """Return an order that the broker has accepted but not yet answered."""
    rule = {"kind": "delay", "path": _ORDER, "side": side.value, "seconds": _REPLY_TAKES, "count": 1}
    await asyncio.sleep(max((day.fleet.clock.real_time(day.plan.session.opens_at) - _now()).total_seconds(), 0))
    (await day.control.post("/control/faults", json=rule)).raise_for_status()
    until = time.monotonic() + _ORDERED_WITHIN
    while time.monotonic() < until:
        if await _has_hit(day):
            orders = await day.fleet.database.audit.orders_on(day.fleet.account_id, day.plan.session.date)
            sending = [order for order in orders if order.record.status is OrderStatus.SENDING]
            ours = [order for order in sending if order.record.intent.side is side and order.sent_at is not None]
            if ours:
                return min(ours, key=lambda order: order.sent_at or order.created_at)
        await asyncio.sleep(_LOOK)
    raise NoOrderError(f"no worker sent an order to {side.value} within {_ORDERED_WITHIN:.0f} s")


async def _has_hit(day: Day) -> bool:
    """Return whether the broker is delaying a reply. A machine too busy to answer is asked again."""
    try:
        rules = (await day.control.get("/control/faults")).raise_for_status().json()
    except httpx.TransportError:
        return False
    return any(each["hits"] for each in rules)


@asynccontextmanager
async def _away(day: Day, part: Part, struck: AuditedOrder) -> AsyncIterator[None]:
    """Kill a part and keep its guard from restarting it, or cut the sender's network."""
    if part is Part.HOST:
        network = day.networks[await _sender(day, struck)]
        network.cut()
        try:
            yield
        finally:
            network.restore()
        return
    guard = day.parts.guard_of(_GUARDED[part])
    child = child_of(guard) if guard is not None else None
    if guard is None or child is None:
        raise HostFailedError(f"{part} does not run")
    send(guard, signal.SIGSTOP)
    try:
        send(child, signal.SIGKILL)
        yield
    finally:
        send(guard, signal.SIGCONT)


async def _sender(day: Day, order: AuditedOrder) -> int:
    """Return the index of the hosting process that runs the activity sending an order."""
    intent = order.record.intent
    workflow_id = worker_workflow_id(intent.account_id, intent.worker_id)
    described = await day.fleet.client.get_workflow_handle(workflow_id).describe()
    pending = described.raw_description.pending_activities
    senders = {int(each.last_worker_identity.partition("@")[0]) for each in pending if each.last_worker_identity}
    return next((number for number, host in enumerate(day.hosts) if host.pid in senders), 0)


def _lines(books: Books) -> Iterator[Line]:
    for order in books.ledger.orders:
        intent = order.record.intent
        words = f"{intent.side} {intent.symbol} ×{intent.quantity}"
        yield Line(order.created_at, f"decided {words}")
        if order.sent_at is not None:
            yield Line(order.sent_at, f"sent {words}")
        yield Line(order.changed_at, f"{order.record.status} {words}", intent.intent_id)
    names = {order.record.intent.intent_id: order.record.intent for order in books.ledger.orders}
    for fill in books.ledger.fills:
        intent = names[fill.intent_id]
        yield Line(fill.recorded_at, f"booked {intent.side} {intent.symbol} ×{fill.quantity}", fill.intent_id)
    for entry in books.ledger.events:
        about = str(entry.event.detail.get("intent_id", ""))
        yield Line(entry.recorded_at, f"{entry.event.kind} {entry.event.symbol or ''}".rstrip(), about)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a stopwatch across processes
