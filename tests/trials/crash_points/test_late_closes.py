"""A close that begins late, the next morning, or never: sellable shares are sold, the rest is reported and sold first.

The workers are gone in all of these days, so that only the close sells.
"""

from dataclasses import replace
from typing import Any, Final

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse, ListWorkflowExecutionsResponse
from temporalio.service import RPCError, RPCStatusCode

from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.market import Side
from domain.summary import FLEET
from fleet.duties.close import see_to_the_close
from fleet.fleet import Fleet
from lab.clockwork import Clockwork
from tests.support.stepping import ACCOUNT, CALENDAR, broker_account, kst
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_day import DAY, Afternoon, play
from tests.trials.crash_points.closing_plots import ClosingPlot
from tests.trials.crash_points.closing_reckoning import wrong_with_close
from verifier.invariants import violations
from workflows.identity import close_workflow_id

NEXT_DAY: Final = "2026-11-24"
LEFT: Final = ClosingPlot("left")
IN_THE_EVENING: Final = replace(LEFT, evening=True)


class _Temporal:
    """What the duty asks Temporal: which closes run, whether another holds its id, and to start one."""

    namespace = "default"

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self.workflow_service = self

    async def list_workflow_executions(self, *_: Any, **__: Any) -> ListWorkflowExecutionsResponse:
        return ListWorkflowExecutionsResponse(
            executions=[
                WorkflowExecutionInfo(execution=WorkflowExecution(workflow_id=run.workflow_id))
                for run in self._clockwork.runs.values()
            ]
        )

    async def describe_workflow_execution(self, *_: Any, **__: Any) -> DescribeWorkflowExecutionResponse:
        raise RPCError("it does not run", RPCStatusCode.NOT_FOUND, b"")

    async def start_workflow(self, run: Any, request: Any, *, id: str, **_: Any) -> None:
        self._clockwork.start(run, request, id)


class FleetOnTheClockwork(Fleet):
    """A fleet on the clockwork's time."""

    __slots__ = ()

    def market_now(self) -> Any:
        clockwork: Any = self.client
        return clockwork._clockwork.now


def the_fleet(afternoon: Afternoon, town: Town) -> Fleet:
    client: Any = _Temporal(afternoon.clockwork)
    return FleetOnTheClockwork(client, town.database, ACCOUNT, Environment.SIMULATED, afternoon.clock, CALENDAR)


async def the_host_looks(afternoon: Afternoon, town: Town) -> None:
    """Let a hosting process start the missing close, and wait for its end."""
    await see_to_the_close(the_fleet(afternoon, town), afternoon.plot.rules_of(0))
    if close_workflow_id(ACCOUNT) in afternoon.clockwork.runs:
        await afternoon.ends(close_workflow_id(ACCOUNT))


@pytest.mark.parametrize(
    ("at", "plot"),
    [("15:19", LEFT), ("15:25", LEFT), ("15:31", LEFT), ("16:10", IN_THE_EVENING)],
    ids=["before the auction", "in the auction", "after the session", "in the evening"],
)
async def test_a_late_close_sells_while_any_market_is_open(town: Town, at: str, plot: ClosingPlot) -> None:
    day = await play(town, plot, close=lambda afternoon: the_host_looks(afternoon, town), closes_at=at)

    assert wrong_with_close(day) == []
    criticals = {each.event.kind for each in day.books.ledger.events if each.event.level is EventLevel.CRITICAL}
    assert (EventKind.CLOSE_MISSED in criticals) == (at > "15:30")


async def test_the_market_watch_sells_for_workers_that_are_gone(town: Town) -> None:
    day = await play(town, replace(LEFT, is_watched=True), closes_at="15:19")

    assert wrong_with_close(day) == []
    assert [each.outcome.flat for each in day.closings] == [True]
    sales = [each.record.intent for each in day.books.ledger.orders if each.record.intent.side is Side.SELL]
    assert {intent.symbol for intent in sales} == set(LEFT.symbols)
    assert max(intent.decided_at for intent in sales) < kst(f"{DAY} 15:19")


async def carried_into_the_morning(afternoon: Afternoon, town: Town) -> None:
    """Let the night pass and restart the workers' workflows: carried shares are sold before anything else."""
    await town.let_leases_lapse()
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 08:50"))
    for number in range(afternoon.plot.stocks):
        afternoon.start_worker(number)
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 09:00:30"))
    sold = [order for order in broker_account(afternoon.simulation).orders if f"{order.day}" == NEXT_DAY]
    assert [Side(order.side) for order in sold[: afternoon.plot.stocks]] == [Side.SELL] * afternoon.plot.stocks
    assert all(not holding.quantity for holding in broker_account(afternoon.simulation).holdings.values())


@pytest.mark.parametrize("at", ["16:10", "20:30"])
async def test_a_close_after_the_last_market_names_what_is_carried_and_the_morning_sells_it(
    town: Town, at: str
) -> None:
    afternoon = Afternoon(town, LEFT)
    await afternoon.come_to(closes_at=at)

    await the_host_looks(afternoon, town)

    day = await afternoon.judged()
    assert [each.outcome.flat for each in day.closings] == [False]
    assert [found for found in violations(day.books).values() if found] == []
    critical = [each.event for each in day.books.ledger.events if each.event.level is EventLevel.CRITICAL]
    assert {event.symbol for event in critical if event.kind == "position_carried_overnight"} == set(LEFT.symbols)
    assert EventKind.CLOSE_MISSED in {event.kind for event in critical}
    assert {each.scope for each in day.books.ledger.summaries} >= {FLEET}
    await carried_into_the_morning(afternoon, town)
    afternoon.clockwork.close()


async def test_a_missed_close_is_reported_the_next_morning_and_the_morning_sells(
    town: Town,
) -> None:
    afternoon = Afternoon(town, LEFT)
    await afternoon.come_to(closes_at="23:00")
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 08:00"))

    await the_host_looks(afternoon, town)

    assert afternoon.clockwork.runs == {}
    day = await afternoon.judged()
    assert [found for found in violations(day.books).values() if found] == []
    critical = [each.event for each in day.books.ledger.events if each.event.level is EventLevel.CRITICAL]
    assert {event.symbol for event in critical if event.kind == "position_carried_overnight"} == set(LEFT.symbols)
    assert EventKind.CLOSE_MISSED in {event.kind for event in critical}
    await carried_into_the_morning(afternoon, town)
    afternoon.clockwork.close()


async def test_a_close_that_no_process_did_until_the_next_morning_does_not_end_that_day(town: Town) -> None:
    afternoon = Afternoon(town, LEFT)
    await afternoon.come_to()
    afternoon.clockwork.freeze("market-close")
    afternoon.start_close()
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 08:30"))

    await afternoon.clockwork.thaw("market-close")
    outcome = await afternoon.ends()

    assert str(outcome.session_date) == DAY
    assert not outcome.flat
    # A close of an earlier day only summarises that day; the new session stays open.
    assert await town.pool.fetch("SELECT FROM closed_entries") == []
    await carried_into_the_morning(afternoon, town)
    afternoon.clockwork.close()
