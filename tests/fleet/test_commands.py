"""Commands by Update, to running workflows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.identity import WorkerId
from domain.money import Won
from domain.position import ExitReason
from domain.worker_state import WorkerState
from fleet import commands
from fleet.commands import Command, CommandOutcome, Verdict
from fleet.errors import UnknownWorkerError
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.database.books import Books
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from workflows.commands import WorkerStatus
from workflows.identity import worker_workflow_id

FIRST = WorkerId("worker-1")


async def command_first(hosted: Hosted, command: Command) -> CommandOutcome:
    (outcome,) = await commands.command_all(hosted.fleet, (FIRST,), command)
    return outcome


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        for _ in count(1):
            if await condition():
                return
            await asyncio.sleep(0.05)


async def running(hosted: Hosted, workers: int = 1) -> None:
    names = await start_workers(hosted.fleet, workers, some_rules())

    async def are_listed() -> bool:
        return set(names) <= set(await hosted.fleet.known_workers())

    await eventually(are_listed)


async def until_holding(hosted: Hosted) -> None:
    async def holds() -> bool:
        return hosted.desk.held is not None

    await eventually(holds)


async def test_a_worker_pauses_and_resumes(hosted: Hosted) -> None:
    await running(hosted)

    paused = await command_first(hosted, commands.PAUSE)
    resumed = await command_first(hosted, commands.RESUME)

    assert paused.status
    assert paused.status.paused
    assert resumed.status
    assert not resumed.status.paused


async def test_rules_are_changed_or_refused_with_the_reason(hosted: Hosted) -> None:
    await running(hosted)

    changed = await command_first(hosted, commands.change_rules({"exits.stop_loss": "2%"}))
    refused = await command_first(hosted, commands.change_rules({"exits.stop_loss": "-2%"}))

    assert changed.status
    assert changed.status.rules_version == 2
    assert refused.verdict is Verdict.REFUSED
    assert "exits.stop_loss" in refused.why


async def test_a_stopped_worker_is_distinguished_from_one_that_refuses(hosted: Hosted) -> None:
    await running(hosted)
    await command_first(hosted, commands.STOP)
    await hosted.fleet.client.get_workflow_handle(worker_workflow_id(hosted.fleet.account_id, FIRST)).result()

    outcome = await command_first(hosted, commands.PAUSE)

    assert outcome.verdict is Verdict.NOT_RUNNING


async def test_the_close_plans_no_sale_for_a_worker_that_was_stopped(hosted: Hosted) -> None:
    await running(hosted, 3)
    assert await hosted.fleet.registered_workers() == 3

    stopped = await command_first(hosted, commands.STOP)
    await commands.command_all(hosted.fleet, (WorkerId("worker-2"),), commands.PAUSE)
    absent = await commands.command_all(hosted.fleet, (WorkerId("worker-99"),), commands.STOP)

    assert stopped.verdict is Verdict.DONE
    assert [outcome.verdict for outcome in absent] == [Verdict.NOT_RUNNING]
    assert await hosted.fleet.registered_workers() == 2

    await start_workers(hosted.fleet, 3, some_rules())
    assert await hosted.fleet.registered_workers() == 3


async def test_a_worker_whose_workflow_is_gone_counts_until_a_stop(hosted: Hosted) -> None:
    await running(hosted, 2)
    await hosted.fleet.client.get_workflow_handle(worker_workflow_id(hosted.fleet.account_id, FIRST)).terminate()
    assert (await command_first(hosted, commands.PAUSE)).verdict is Verdict.NOT_RUNNING
    assert await hosted.fleet.registered_workers() == 2

    await command_first(hosted, commands.STOP)

    assert await hosted.fleet.registered_workers() == 1


async def test_without_a_worker_process_a_command_ends_unanswered(fleet: Fleet) -> None:
    await start_workers(fleet, 1, some_rules())

    (outcome,) = await commands.command_all(fleet, (FIRST,), replace(commands.PAUSE, acceptance=timedelta(seconds=1)))

    assert outcome.verdict is Verdict.UNANSWERED
    assert "python worker.py" in outcome.why


async def test_liquidating_sells_what_is_held(hosted: Hosted) -> None:
    hosted.desk.candidates_from = timedelta(0)
    await running(hosted)
    await until_holding(hosted)

    outcome = await command_first(hosted, commands.liquidate())

    assert outcome.succeeded
    assert hosted.desk.held is None
    assert hosted.desk.reasons == [ExitReason.OPERATOR]


async def test_the_kill_switch_is_in_the_books_and_sells_everything(hosted: Hosted) -> None:
    hosted.desk.candidates_from = timedelta(0)
    await running(hosted)
    await until_holding(hosted)

    outcomes = await commands.press_kill_switch(hosted.fleet, "test", "drill")

    state = await hosted.fleet.database.risk.state(hosted.fleet.account_id)
    assert (state.kill_switch_on, state.kill_switch_by, state.kill_switch_reason) == (True, "test", "drill")
    assert [outcome.verdict for outcome in outcomes] == [Verdict.DONE]
    assert hosted.desk.reasons == [ExitReason.KILL_SWITCH]


async def holding_in_the_books(fleet: Fleet) -> None:
    """Let the ledger show ten shares of the first worker, whatever its workflow reports."""
    await Books(fleet.database, fleet.account_id).held(FIRST)


QUICK_SALE = replace(commands.liquidate(), patience=timedelta(seconds=3))


@pytest.mark.parametrize("command", [QUICK_SALE, replace(commands.STOP, patience=timedelta(seconds=3))])
async def test_a_worker_that_answers_while_the_ledger_shows_shares_is_not_done(
    hosted: Hosted, command: Command
) -> None:
    await running(hosted)
    await holding_in_the_books(hosted.fleet)

    outcome = await command_first(hosted, command)

    assert (outcome.verdict, outcome.shares) == (Verdict.STILL_HOLDING, 10)
    assert not commands.all_well([outcome], forgiving=True)
    assert commands.in_words(outcome).startswith("worker-1: still holding: still holding 10 shares: ")
    assert commands.outcome_json(outcome)["shares"] == 10


async def test_shares_of_a_worker_without_a_workflow_fail_the_kill_switch(hosted: Hosted) -> None:
    await holding_in_the_books(hosted.fleet)

    sale = replace(commands.liquidate(ExitReason.KILL_SWITCH), patience=timedelta(seconds=1))
    outcomes = await commands.press_kill_switch(hosted.fleet, "operator", "drill", sale)

    assert [(each.worker_id, each.verdict, each.shares) for each in outcomes] == [(FIRST, Verdict.STILL_HOLDING, 10)]
    assert "it has stopped, or was never started" in outcomes[0].why
    assert not commands.all_well(outcomes, forgiving=True)


async def test_a_stop_is_answered_when_the_sale_is_over(hosted: Hosted) -> None:
    hosted.desk.candidates_from = timedelta(0)
    await running(hosted)
    await until_holding(hosted)

    outcome = await command_first(hosted, commands.STOP)

    assert outcome.succeeded
    assert outcome.shares == 0
    assert hosted.desk.held is None
    assert "done, " in commands.in_words(outcome)
    assert ", flat" in commands.in_words(outcome)


class ServerThatRefuses(Interceptor, OutboundInterceptor):
    """A Temporal server that refuses calls for one workflow."""

    def __init__(self, refused: WorkerId) -> None:
        self._refused = refused

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        OutboundInterceptor.__init__(self, next)
        return self

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002 the SDK's name
        if input.id.endswith(self._refused):
            raise RPCError("the shard is not there", RPCStatusCode.INTERNAL, b"")
        return await super().start_workflow_update(input)


async def test_the_kill_switch_signals_every_worker_whatever_is_wrong_with_one(hosted: Hosted) -> None:
    await running(hosted, workers=2)
    config = hosted.fleet.client.config()
    config["interceptors"] = [ServerThatRefuses(FIRST)]
    fleet = replace(hosted.fleet, client=Client(**config))

    outcomes = await commands.press_kill_switch(fleet, "operator", "drill")

    assert [outcome.verdict for outcome in outcomes] == [Verdict.UNANSWERED, Verdict.DONE]
    assert outcomes[0].why == "Temporal: it refuses the request (INTERNAL)"


async def test_an_unknown_worker_is_answered_with_those_that_are_known(hosted: Hosted) -> None:
    await running(hosted, 2)

    with pytest.raises(UnknownWorkerError, match="no worker 'worker-9'; known workers: worker-1, worker-2"):
        await hosted.fleet.selected("worker-9")


async def test_all_means_every_worker_in_the_books(hosted: Hosted) -> None:
    await hosted.fleet.database.workers.register(hosted.fleet.account_id, WorkerId("worker-12"), "gone")
    await running(hosted)

    assert await hosted.fleet.selected("all") == ("worker-1", "worker-12")


async def test_a_fleet_without_workers_says_how_to_start_some(fleet: Fleet) -> None:
    with pytest.raises(UnknownWorkerError, match=r"starter\.py --workers 5"):
        await fleet.selected("all")


DONE = CommandOutcome(FIRST, Verdict.DONE)
STOPPED = CommandOutcome(WorkerId("worker-2"), Verdict.NOT_RUNNING, why="it has stopped")


@pytest.mark.parametrize(
    ("outcomes", "forgiving", "well"),
    [
        ([DONE], False, True),
        ([STOPPED], False, False),
        ([DONE, STOPPED], True, True),
        ([STOPPED], True, False),
        ([DONE, CommandOutcome(FIRST, Verdict.UNANSWERED)], True, False),
    ],
)
def test_all_is_well_when_everybody_who_runs_obeyed(
    outcomes: list[CommandOutcome], forgiving: bool, well: bool
) -> None:
    assert commands.all_well(outcomes, forgiving=forgiving) is well


def test_an_answer_is_shown_in_words_and_in_json() -> None:
    status = WorkerStatus(FIRST, WorkerState.IDLE, "", True, False, 2, 7, Won(-5), "operator: pause")

    assert commands.in_words(CommandOutcome(FIRST, Verdict.DONE, status)) == "worker-1: done, idle, paused, rules v2"
    assert commands.in_words(STOPPED) == "worker-2: not running: it has stopped"
    shown = commands.outcome_json(CommandOutcome(FIRST, Verdict.DONE, status))
    assert (shown["verdict"], shown["status"]["state"], shown["status"]["realised_pnl"]) == ("done", "idle", -5)
