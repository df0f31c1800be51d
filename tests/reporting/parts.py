"""A day's books with defaults: two trades of two workers, minute by minute, and the records beside them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from database.day_seen import FillSeen, KeptVerdict, PriceBar, StateChange
from database.snapshots import HoldingSnapshot
from database.statements import KeptStatement
from domain.audit_log import Outcome
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.flatness import Proven
from domain.identity import IntentId, PositionId, WorkerId
from domain.market import Symbol
from domain.money import Price, Quantity, Won
from domain.position import ClosedTrade, ExitReason, OpenPosition
from domain.statement import WHOLE_ACCOUNT, Figure, Line, Name
from domain.summary import FLEET, DayCounts, summarise
from domain.worker_state import WorkerState
from reporting.after_close import AfterClose
from reporting.reading import DayBooks
from tests.support.audit_rows import SEEN, a_command, chained
from tests.support.builders import (
    ACCOUNT,
    HYNIX,
    MONDAY,
    NOW,
    SAMSUNG,
    WORKER,
    a_closed_trade,
    a_session,
    an_open_position,
)
from tests.verifier.a_day import a_clean_day
from verifier.report import report_json
from verifier.verdict import judged

FIRST, SECOND, KEPT = PositionId("run-1/1"), PositionId("run-2/1"), PositionId("run-3/1")
OTHER = WorkerId("worker-2")
MINUTE = timedelta(minutes=1)


def minute(number: float) -> datetime:
    """Return the instant so many minutes after ten o'clock in Seoul."""
    return NOW + number * MINUTE


def a_win(**changes: Any) -> ClosedTrade:
    """Return ten shares bought at 70,000 at 10:00 and sold at 71,000 at 10:10."""
    return a_closed_trade(position_id=FIRST, opened_at=minute(0), closed_at=minute(10), **changes)


def a_loss(**changes: Any) -> ClosedTrade:
    """Return five shares bought at 200,000 at 10:05 and sold at 197,000 at 11:20 by another worker."""
    values: dict[str, Any] = {
        "position_id": SECOND,
        "worker_id": OTHER,
        "symbol": HYNIX,
        "name": "SK hynix",
        "exit_reason": ExitReason.STOP_LOSS,
        "exit_decision_price": Price(197_500),
        "opened_at": minute(5),
        "closed_at": minute(80),
    }
    return a_closed_trade(200_000, 197_000, 5, **{**values, **changes})


def fills_of(trade: ClosedTrade) -> tuple[FillSeen, FillSeen]:
    """Return the purchase and the sale of a trade."""
    return (
        a_fill(trade.position_id, trade.quantity, trade.entry_amount, trade.opened_at),
        a_fill(trade.position_id, trade.quantity, trade.exit_amount, trade.closed_at, "exit"),
    )


def a_fill(position_id: PositionId, quantity: int, amount: int, at: datetime, purpose: str = "entry") -> FillSeen:
    """Return a fill."""
    return FillSeen(position_id, IntentId(f"{position_id}/{purpose}"), purpose, Quantity(quantity), Won(amount), at)


def some_bars(position_id: PositionId, since: float, closes: Sequence[int]) -> tuple[PriceBar, ...]:
    """Return a flat bar per minute."""
    return tuple(
        PriceBar(position_id, minute(since + place), Price(close), Price(close), Price(close), Price(close))
        for place, close in enumerate(closes)
    )


def a_state(state: WorkerState, at: float, worker: WorkerId = WORKER, symbol: Symbol | None = None) -> StateChange:
    """Return a state change of a worker."""
    return StateChange(worker, state, symbol, minute(at))


def an_incident(kind: str = "order_adopted", **changes: Any) -> Event:
    """Return an order whose reply was lost and that was found."""
    event = Event(ACCOUNT, kind_of(kind), EventLevel.WARNING, minute(3), MONDAY, WORKER, SAMSUNG, {"was": "unknown"})
    return replace(event, **changes)


def a_day(*trades: ClosedTrade, **changes: Any) -> DayBooks:
    """Return a session's books; by default with the trades of ``a_win`` and ``a_loss``."""
    closed = trades or (a_win(), a_loss())
    day = DayBooks(
        account_id=ACCOUNT,
        session=a_session(),
        summaries=(),
        trades=closed,
        orders=a_clean_day().ledger.orders,
        fills=tuple(fill for trade in closed for fill in fills_of(trade)),
        bars=(
            *some_bars(FIRST, 0, [70_100, 69_500, 70_400, 71_200]),
            *some_bars(SECOND, 5, [200_500, 198_000]),
        ),
        states=(
            a_state(WorkerState.IDLE, -62),
            a_state(WorkerState.SCANNING, -60),
            a_state(WorkerState.HOLDING, 0, symbol=SAMSUNG),
            a_state(WorkerState.EXITING, 9, symbol=SAMSUNG),
            a_state(WorkerState.IDLE, 10),
            a_state(WorkerState.HOLDING, 5, OTHER, HYNIX),
        ),
        events=(an_incident(),),
        commands=tuple(chained([a_command(1, "stop worker-1", Outcome.REFUSED)])),
        last_row=SEEN,
        verdict=KeptVerdict(report_json(judged(a_clean_day())), datetime(2026, 11, 23, 6, 31, tzinfo=UTC)),
    )
    return with_summaries(replace(day, **changes))


def an_empty_day(**changes: Any) -> DayBooks:
    """Return a session without data."""
    return with_summaries(replace(DayBooks(ACCOUNT, a_session(), ()), **changes))


def a_carried_position(**changes: Any) -> tuple[OpenPosition, tuple[FillSeen, ...]]:
    """Return ten shares bought at 70,000 of which four were sold at 69,000; the rest is priced at 68,000."""
    position = an_open_position(
        6, position_id=KEPT, opened_at=minute(0), last_price=Price(68_000), worker_id=OTHER, **changes
    )
    return position, (a_fill(KEPT, 10, 700_000, minute(0)), a_fill(KEPT, 4, 276_000, minute(2), "exit"))


def a_close_that_left_shares() -> AfterClose:
    """Return six shares of ours, three of the owner's, two unexplained ones, three orders, and every difference."""
    named = {name.value: Won(1) for name in Name}
    lines = tuple(Line(SAMSUNG, figure, Won(0), Won(len(named)), named) for figure in Figure)
    wrong = Line(WHOLE_ACCOUNT, Figure.TAX, Won(10), Won(4_331))
    held = HoldingSnapshot(SAMSUNG, None, Quantity(6), Quantity(11), Won(0), Quantity(3), Quantity(2))
    return AfterClose(Proven(MONDAY, False, 3, NOW), (held,), KeptStatement((*lines, wrong), "", NOW))


def with_summaries(day: DayBooks) -> DayBooks:
    """Return the books with the summary of their trades."""
    counts = DayCounts({"COOLING_DOWN": 3}, {"thin_volume": 40, "no_signal": 50}, 2, 96, day.ranges())
    return replace(day, summaries=(summarise(day.date, FLEET, day.trades, counts),))
