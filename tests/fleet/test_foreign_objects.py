"""Foreign objects at Temporal disable nothing of ours: every verb works on the rest and reports each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowUpdateInput, WorkflowUpdateHandle
from temporalio.common import WorkflowIDConflictPolicy

from cli.tables.board import heading
from cli.tables.limits import read_limits
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from fleet import commands
from fleet import fleet as fleet_module
from fleet.board import as_json, read_board
from fleet.commands import Verdict
from fleet.duties.close import is_closing
from fleet.duties.failing import FailingDuty
from fleet.duties.foreign import MOST_REPORTED, ForeignDuty
from fleet.fleet import Fleet
from fleet.foreign import foreign_objects
from fleet.schedule import close_now, lay_close_times
from fleet.starting import bring_back, start_worker, start_workers
from fleet.visibility import Listed, list_workflows
from tests.fleet.foreign_objects import (
    ELSEWHERE,
    SQUATTED,
    place_foreign_activity,
    place_foreign_schedules,
    place_foreign_workflows,
    remove_foreign_objects,
)
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from verifier.histories import read_histories
from workflows.identity import close_schedule_id, close_workflow_id, task_queues, worker_workflow_id

FIRST = WorkerId("worker-1")
OBJECTS = 14


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        for _ in count(1):
            if await condition():
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def crowded(hosted: Hosted) -> AsyncIterator[Hosted]:
    """A fleet on a server full of foreign objects: one worker runs, a foreign workflow type holds the other's id."""
    fleet = hosted.fleet
    await place_foreign_workflows(fleet)
    await place_foreign_schedules(fleet)
    await place_foreign_activity(fleet)
    await start_workers(fleet, 1, some_rules())
    squatted = worker_workflow_id(fleet.account_id, SQUATTED)
    await fleet.database.workers.register(fleet.account_id, SQUATTED, squatted)

    async def are_listed() -> bool:
        return len(await found_in(fleet)) == OBJECTS and FIRST in await fleet.running_workers()

    await eventually(are_listed)
    yield hosted
    await remove_foreign_objects(fleet)


async def found_in(fleet: Fleet) -> dict[str, tuple[str, str]]:
    """Return the foreign objects whose ids name the account; other tests may have left theirs."""
    found = await foreign_objects(fleet)
    return {each.name: (each.kind, each.why) for each in found if fleet.account_id in each.name}


async def test_every_foreign_object_is_named_and_none_of_ours(crowded: Hosted) -> None:
    account = crowded.fleet.account_id

    assert await found_in(crowded.fleet) == {
        f"unreadable {account}": ("workflow", "its id cannot be read"),
        f"trading-worker/{account}/worker-1/and/more": ("workflow", "its id cannot be read"),
        f"trading-worker/{account}/\N{REPLACEMENT CHARACTER}[31m[red]\N{REPLACEMENT CHARACTER}@everyone": (
            "workflow",
            "its id belongs to another account, its queue to this one",
        ),
        f"trading-worker/{account}/": ("workflow", "its id cannot be read"),
        f"trading-worker/{account}/worker-99": ("workflow", "the ledger knows no such worker"),
        f"trading-worker/{account}/worker-98": ("workflow", "the ledger knows no such worker"),
        f"foreign-{account}": ("workflow", "type ForeignWorkflow on a queue of Haru"),
        f"{close_workflow_id(account)}": (
            "workflow",
            f"it uses a workflow id of Haru, as MarketCloseWorkflow on queue {ELSEWHERE}",
        ),
        f"{close_workflow_id(account)}-anything": (
            "workflow",
            "its id belongs to another account, its queue to this one",
        ),
        worker_workflow_id(account, SQUATTED): (
            "workflow",
            f"it uses a workflow id of Haru, as ForeignWorkflow on queue {ELSEWHERE}",
        ),
        f"odd-attributes-{account}": ("workflow", "its id cannot be read"),
        f"foreign-schedule/{account}": ("schedule", "it starts workflows of Haru's types"),
        close_schedule_id(account): ("schedule", "it starts workflows of Haru's types"),
        f"foreign-activity-{account}": (
            "activity",
            "type list_broker_orders on a queue of Haru, without a workflow",
        ),
    }


async def test_the_verbs_work_on_the_rest(crowded: Hosted) -> None:
    fleet = crowded.fleet

    known = await fleet.selected("all")
    sent = [commands.PAUSE, commands.RESUME, commands.change_rules({"exits.stop_loss": "2%"}), commands.STOP]
    hasty = [replace(command, acceptance=timedelta(seconds=3)) for command in sent]
    outcomes = [await commands.command_all(fleet, known, command) for command in hasty]
    board = await read_board(fleet, fleet.market_now())

    assert known == (FIRST, SQUATTED)
    assert [each[0].verdict for each in outcomes] == [Verdict.DONE] * len(sent)
    assert {each[1].verdict for each in outcomes} == {Verdict.UNANSWERED}
    assert [row.worker_id for row in board.rows] == [FIRST, SQUATTED]
    assert board.failing == ()


async def test_status_shows_the_foreign_objects_and_the_limits_of_ours(crowded: Hosted) -> None:
    fleet = crowded.fleet

    board = await read_board(fleet, fleet.market_now())
    limits = await read_limits(fleet, board, TradingRules().risk)

    assert [(each.worker_id, each.is_asked) for each in limits] == [(FIRST, True), (SQUATTED, False)]
    assert SQUATTED in board.stopped
    assert len([line for line in heading(board) if line.startswith("not ours at Temporal, left alone: ")]) == 6
    assert len(as_json(board)["foreign_objects"]) >= OBJECTS
    assert "\x1b" not in "".join(heading(board)) + str(as_json(board)["foreign_objects"])


async def test_the_kill_switch_sells_beside_foreign_objects(crowded: Hosted) -> None:
    sale = replace(commands.liquidate(ExitReason.KILL_SWITCH), acceptance=timedelta(seconds=3))

    outcomes = await commands.press_kill_switch(crowded.fleet, "operator", "drill", sale)

    assert [(each.worker_id, each.verdict) for each in outcomes] == [
        (FIRST, Verdict.DONE),
        (SQUATTED, Verdict.UNANSWERED),
    ]


async def test_each_foreign_object_is_reported_once_and_only_the_first_of_many(crowded: Hosted) -> None:
    fleet = crowded.fleet
    for _ in range(2):
        await ForeignDuty(fleet).look()
    events = [
        each
        for each in await fleet.database.events.latest(fleet.account_id, 99)
        if each.kind == EventKind.FOREIGN_OBJECT
    ]
    assert OBJECTS <= len(events) <= MOST_REPORTED
    assert len({each.key for each in events}) == len(events)
    assert not any("\x1b" in str(each.detail) for each in events)

    await ForeignDuty(fleet, most=3).look()
    (more,) = [
        each
        for each in await fleet.database.events.latest(fleet.account_id, 99)
        if each.kind == EventKind.FOREIGN_OBJECTS
    ]
    assert "are not ours" in str(more.detail["why"])


async def test_the_verifier_reads_the_histories_of_our_own_workflows(crowded: Hosted) -> None:
    fleet, since = crowded.fleet, crowded.fleet.real_now() - timedelta(hours=1)
    workers = {worker_workflow_id(fleet.account_id, each): each for each in await fleet.known_workers()}

    read = await read_histories(fleet.client, workers, fleet.account_id, (since, since + timedelta(hours=2)))

    assert read.runs == 1
    assert read.unreadable == ()


async def test_workflows_that_cannot_progress_are_reported_only_when_they_are_ours(crowded: Hosted) -> None:
    fleet = crowded.fleet
    badly = worker_workflow_id(fleet.account_id, WorkerId("worker-98"))

    async def is_marked() -> bool:
        query = f"TemporalReportedProblems IS NOT NULL AND WorkflowId = '{badly}'"
        return bool(await list_workflows(fleet.client, query))

    await eventually(is_marked)
    await FailingDuty(fleet).look()

    assert await fleet.failing_workflows() == ()
    assert await fleet.database.events.latest(fleet.account_id, 9) == ()


async def test_a_foreign_close_is_no_close_of_ours_and_gives_up_its_id(crowded: Hosted) -> None:
    fleet = crowded.fleet
    assert not await is_closing(fleet)

    close = await close_now(fleet, TradingRules())

    about = await close.describe()
    assert (about.id, about.task_queue) == (close_workflow_id(fleet.account_id), task_queues(fleet.account_id).trading)
    assert EventKind.FOREIGN_WORKFLOW_TERMINATED in {
        each.kind for each in await fleet.database.events.latest(fleet.account_id, 9)
    }


@pytest.mark.parametrize("if_it_runs", list(WorkflowIDConflictPolicy)[1:3], ids=lambda policy: policy.name)
async def test_a_worker_gets_its_id_back_from_a_foreign_workflow(
    crowded: Hosted, if_it_runs: WorkflowIDConflictPolicy
) -> None:
    fleet = crowded.fleet

    await start_worker(fleet, WorkerLife(fleet.account_id, SQUATTED, some_rules(), fleet.clock), if_it_runs)

    async def runs() -> bool:
        return SQUATTED in await fleet.running_workers()

    await eventually(runs)
    (outcome,) = await commands.command_all(fleet, (SQUATTED,), commands.PAUSE)
    assert outcome.verdict is Verdict.DONE


async def test_a_worker_that_runs_is_not_replaced(hosted: Hosted) -> None:
    await start_workers(hosted.fleet, 1, some_rules())

    assert not await bring_back(
        hosted.fleet, WorkerLife(hosted.fleet.account_id, FIRST, some_rules(), hosted.fleet.clock)
    )


async def test_a_foreign_schedule_gives_up_the_id_of_ours(crowded: Hosted) -> None:
    fleet = crowded.fleet
    schedule = fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id))

    await lay_close_times(fleet, TradingRules(), fleet.market_now())

    action: Any = (await schedule.describe()).schedule.action
    assert (action.workflow, action.id) == ("MarketCloseWorkflow", close_workflow_id(fleet.account_id))


class WatchesTheLedger(Interceptor, OutboundInterceptor):
    """A Temporal client that records its calls, and whether the ledger's gate is closed at each."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.calls: list[tuple[str, bool]] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        OutboundInterceptor.__init__(self, next)
        return self

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002 the SDK's name
        state = await self._fleet.database.risk.state(self._fleet.account_id)
        self.calls.append((input.id, state.kill_switch_on))
        return await super().start_workflow_update(input)


async def never(*_: object) -> tuple[Listed, ...]:
    raise AssertionError("Temporal is asked for a list")


async def test_the_kill_switch_shuts_the_ledger_first_and_lists_nothing_beside_foreign_workflows(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = hosted.fleet
    await start_workers(fleet, 2, some_rules())
    for number in range(20):  # how many does not matter: a list fails the test
        foreign_id = worker_workflow_id(fleet.account_id, WorkerId(f"worker-{1000 + number}"))
        await fleet.client.start_workflow("TradingWorkerWorkflow", id=foreign_id, task_queue=ELSEWHERE)
    watching = WatchesTheLedger(fleet)
    config = fleet.client.config()
    config["interceptors"] = [watching]
    monkeypatch.setattr(fleet_module, "list_workflows", never)

    outcomes = await commands.press_kill_switch(replace(fleet, client=Client(**config)), "operator", "drill")

    ours = [worker_workflow_id(fleet.account_id, each.worker_id) for each in outcomes]
    assert [each.verdict for each in outcomes] == [Verdict.DONE, Verdict.DONE]
    assert sorted(watching.calls) == [(each, True) for each in ours]
    await remove_foreign_objects(fleet)
