"""Send commands to running workers by Temporal Updates: accepted, refused with a reason, or unanswered."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from domain.audit_log import Outcome
from domain.identity import WorkerId
from domain.position import ExitReason
from fleet.fleet import Fleet
from workflows.commands import WorkerStatus
from workflows.faults import temporal_cause
from workflows.identity import worker_workflow_id

_ANSWER_WITHIN: Final = timedelta(seconds=10)
_SOLD_WITHIN: Final = timedelta(seconds=120)
"""Real time that a commanded sale may take before the operator is informed that it continues."""
_BETWEEN_RUNS: Final = timedelta(milliseconds=200)
_ENDING: Final = frozenset({RPCStatusCode.ABORTED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED})
"""Status codes that the server returns for a run that is about to continue as new."""


class Verdict(StrEnum):
    """Outcome of a command."""

    DONE = "done"
    REFUSED = "refused"
    NOT_RUNNING = "not_running"
    UNANSWERED = "unanswered"
    STILL_AT_IT = "still_at_it"
    STILL_HOLDING = "still_holding"

    @property
    def shown(self) -> str:
        """Return the outcome for people; the value is for programs."""
        return "not finished" if self is Verdict.STILL_AT_IT else self.value.replace("_", " ")


_ANSWERED: Final = frozenset({Verdict.DONE, Verdict.NOT_RUNNING})
"""Verdicts that say nothing about shares that the ledger still shows."""


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """One worker's answer to a command. ``why`` is for people and empty on success.

    A command to sell is done only when the ledger shows the worker flat: no share and no open order. ``shares`` is the
    ledger's quantity; None for other commands.
    """

    worker_id: WorkerId
    verdict: Verdict
    status: WorkerStatus | None = None
    why: str = ""
    shares: int | None = None

    @property
    def succeeded(self) -> bool:
        """Return whether the worker carried out the command."""
        return self.verdict is Verdict.DONE


@dataclass(frozen=True, slots=True)
class Command:
    """An Update by its name in `workflows/trading_worker.py`, with its arguments and its limit in real time."""

    update: str
    arguments: tuple[Any, ...] = ()
    patience: timedelta = _ANSWER_WITHIN
    sells: bool = False
    """Whether the worker must be flat afterwards."""
    acceptance: timedelta | None = None
    """Real time that a worker has to accept the command, before ``patience`` begins; None: ten seconds."""

    @property
    def accepted_within(self) -> timedelta:
        return self.acceptance or _ANSWER_WITHIN


PAUSE: Final = Command("pause")
RESUME: Final = Command("resume")
STOP: Final = Command("stop", patience=_SOLD_WITHIN, sells=True)


def liquidate(reason: ExitReason = ExitReason.OPERATOR) -> Command:
    """Return the command that sells all holdings and pauses."""
    return Command("liquidate", (reason,), _SOLD_WITHIN, sells=True)


def change_rules(changes: Mapping[str, str]) -> Command:
    """Return the command that changes rules by their dotted names."""
    return Command("change_rules", (dict(changes),))


async def command_all(fleet: Fleet, workers: Sequence[WorkerId], command: Command) -> tuple[CommandOutcome, ...]:
    """Send a command to all given workers concurrently, and collect their answers."""
    ends_at = asyncio.get_running_loop().time() + command.patience.total_seconds()
    outcomes = await asyncio.gather(*(command_one(fleet, worker, command) for worker in workers))
    await _show_pauses(fleet, outcomes)
    await _retire_stopped(fleet, outcomes, command)
    return await _judged_by_the_ledger(fleet, outcomes, ends_at) if command.sells else tuple(outcomes)


async def _judged_by_the_ledger(
    fleet: Fleet, outcomes: Sequence[CommandOutcome], ends_at: float
) -> tuple[CommandOutcome, ...]:
    """Check each answer against the ledger; wait while another worker may still sell the shares."""
    while True:
        shares = await _shares_of_workers(fleet)
        judged = tuple(_judged(outcome, shares.get(outcome.worker_id)) for outcome in outcomes)
        waits = any(before.succeeded and not after.succeeded for before, after in zip(outcomes, judged, strict=True))
        if not waits or asyncio.get_running_loop().time() >= ends_at:
            return judged
        await asyncio.sleep(_BETWEEN_RUNS.total_seconds())


async def _shares_of_workers(fleet: Fleet) -> dict[WorkerId, int]:
    """Return the shares of each worker that is not flat; 0 for a worker that only has an open order."""
    shares = {order.intent.worker_id: 0 for order in await fleet.database.orders.active_in(fleet.account_id)}
    for position in await fleet.database.positions.held_in(fleet.account_id):
        shares[position.worker_id] = shares.get(position.worker_id, 0) + position.quantity
    return shares


def _judged(outcome: CommandOutcome, shares: int | None) -> CommandOutcome:
    if shares is None:
        return replace(outcome, shares=0)
    unsold = "" if outcome.status is None else outcome.status.unsold
    cause = outcome.why or unsold or "another worker sells them, or no worker does"
    held = f"still holding {shares:,} shares" if shares else "holding no share, but an order is still open"
    verdict = Verdict.STILL_HOLDING if outcome.verdict in _ANSWERED else outcome.verdict
    return replace(
        outcome,
        verdict=verdict,
        shares=shares,
        why=f"{held}: {cause or 'another worker sells them, or no worker does'}",
    )


async def _show_pauses(fleet: Fleet, outcomes: Sequence[CommandOutcome]) -> None:
    registered = {row.worker_id for row in await fleet.database.workers.all_of(fleet.account_id)}
    for outcome in outcomes:
        if outcome.status is not None and outcome.worker_id in registered:
            await fleet.database.workers.set_paused(fleet.account_id, outcome.worker_id, outcome.status.paused)


async def _retire_stopped(fleet: Fleet, outcomes: Sequence[CommandOutcome], command: Command) -> None:
    """Exclude stopped workers from the close plan. Positions that they still hold are counted separately."""
    for outcome in outcomes:
        is_gone = command.update is STOP.update and outcome.verdict is Verdict.NOT_RUNNING
        if is_gone or (outcome.status is not None and outcome.status.stopping):
            await fleet.database.workers.retire(fleet.account_id, outcome.worker_id)


async def press_kill_switch(
    fleet: Fleet, by: str, reason: str, sale: Command | None = None
) -> tuple[CommandOutcome, ...]:
    """Shut the gate in the books first, so that no buy slips past, then sell everything.

    Only the ledger selects the workers: registered workers and other owners of positions. Temporal's lists are ignored.
    """
    await fleet.database.risk.press_kill_switch(fleet.account_id, by, reason, fleet.market_now())
    known = await fleet.known_workers()
    others = sorted((await _shares_of_workers(fleet)).keys() - set(known))
    return await command_all(fleet, (*known, *others), sale or liquidate(ExitReason.KILL_SWITCH))


async def command_one(fleet: Fleet, worker_id: WorkerId, command: Command) -> CommandOutcome:
    """Send a command to one worker and return its answer, regardless of the ledger."""
    workflow_id = worker_workflow_id(fleet.account_id, worker_id)
    handle: WorkflowHandle[Any, Any] = fleet.client.get_workflow_handle(workflow_id)
    try:
        sent = await _send(handle, command, fleet.command_id)
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        why = (
            f"no answer within {command.accepted_within.seconds} s; is a worker process running? (python worker.py) "
            "The worker may still execute the command once one starts."
        )
        return CommandOutcome(worker_id, Verdict.UNANSWERED, why=why)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return CommandOutcome(worker_id, Verdict.NOT_RUNNING, why="it has stopped, or was never started")
        # A fault of one worker must not stop the command to the others: a kill switch reaches all of them.
        return CommandOutcome(worker_id, Verdict.UNANSWERED, why=f"Temporal: {temporal_cause(error)}")
    except Exception as error:  # noqa: BLE001 - same reason: an unreachable server, an unreadable reply
        return CommandOutcome(worker_id, Verdict.UNANSWERED, why=f"Temporal: {temporal_cause(error)}")
    return await _answer(worker_id, sent, command)


async def _answer(worker_id: WorkerId, sent: WorkflowUpdateHandle[WorkerStatus], command: Command) -> CommandOutcome:
    try:
        async with asyncio.timeout(command.patience.total_seconds()):
            return CommandOutcome(worker_id, Verdict.DONE, await sent.result())
    except WorkflowUpdateFailedError as refusal:
        return CommandOutcome(worker_id, Verdict.REFUSED, why=_reason_of(refusal))
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        why = f"accepted; still {'selling' if command.sells else 'running'} after {command.patience.seconds} s"
        return CommandOutcome(worker_id, Verdict.STILL_AT_IT, why=why)
    except RPCError as error:
        why = f"accepted; Temporal does not report the outcome: {temporal_cause(error)}"
        return CommandOutcome(worker_id, Verdict.STILL_AT_IT, why=why)
    except Exception as error:  # noqa: BLE001 - an unreadable answer must not hide the answers of other workers
        why = f"accepted; its answer cannot be read: {temporal_cause(error)}"
        return CommandOutcome(worker_id, Verdict.STILL_AT_IT, why=why)


def _reason_of(refusal: WorkflowUpdateFailedError) -> str:
    """Return the text of a refusal without its class name."""
    return refusal.cause.message if isinstance(refusal.cause, FailureError) else str(refusal.cause)


async def _send(
    handle: WorkflowHandle[Any, Any], command: Command, command_id: str
) -> WorkflowUpdateHandle[WorkerStatus]:
    """Return once the workflow has accepted the command. Its id makes a repetition across runs harmless.

    The id begins with the id of the operator's command, so a history leads to its row in the audit log.
    """
    update_id = f"{command_id}.{uuid.uuid4()}" if command_id else str(uuid.uuid4())
    async with asyncio.timeout(command.accepted_within.total_seconds()):
        while True:
            try:
                sent: WorkflowUpdateHandle[WorkerStatus] = await handle.start_update(
                    command.update,
                    args=list(command.arguments),
                    id=update_id,
                    result_type=WorkerStatus,
                    wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                )
            except RPCError as error:
                if error.status not in _ENDING:
                    raise
                await asyncio.sleep(_BETWEEN_RUNS.total_seconds())
            else:
                return sent


def all_well(outcomes: Sequence[CommandOutcome], *, forgiving: bool) -> bool:
    """Return whether every worker obeyed. ``forgiving`` allows some (not all) workers to have stopped before."""
    if forgiving:
        outcomes = [outcome for outcome in outcomes if outcome.verdict is not Verdict.NOT_RUNNING]
    return bool(outcomes) and all(outcome.succeeded for outcome in outcomes)


def concluded(outcomes: Sequence[CommandOutcome], *, forgiving: bool) -> tuple[Outcome, str]:
    """Return the audit log's entry for a command to workers: its outcome, and the number of each answer."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    answers = ", ".join(f"{count} {verdict.shown}" for verdict, count in counts.items())
    if not outcomes or all_well(outcomes, forgiving=forgiving):
        return Outcome.ACCEPTED, answers
    return (Outcome.REFUSED if counts[Verdict.REFUSED] else Outcome.FAILED), answers


def in_words(outcome: CommandOutcome) -> str:
    """Describe a worker's answer."""
    status = outcome.status
    if status is None or not outcome.succeeded:
        return f"{outcome.worker_id}: {outcome.verdict.shown}: {outcome.why}"
    flags = ", flat" * (outcome.shares == 0) + ", paused" * status.paused + ", stopping" * status.stopping
    return f"{outcome.worker_id}: {outcome.verdict}, {status.state}{flags}, rules v{status.rules_version}"


def outcome_json(outcome: CommandOutcome) -> dict[str, Any]:
    """Return a worker's answer as JSON values."""
    status = None if outcome.status is None else {**asdict(outcome.status), "state": outcome.status.state.value}
    values = {"worker": outcome.worker_id, "verdict": outcome.verdict.value, "why": outcome.why, "status": status}
    return values if outcome.shares is None else {**values, "shares": outcome.shares}
