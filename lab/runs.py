"""One run of a workflow: the SDK's own instance of its code, its history, and what it waits for."""

from dataclasses import dataclass, field
from typing import Any

from lab.attempts import PAYLOADS, Scheduled
from lab.temporal_parts import WorkflowActivation, WorkflowCommand, WorkflowInstance, on_its_own_loop


class StuckError(AssertionError):
    """A workflow fails its task, differs when replayed, or never ends."""


@dataclass
class Run:
    """One run of a workflow: its code's instance, its history, and what it waits for."""

    defn: Any
    workflow_id: str
    run_id: str
    first: WorkflowActivation
    instance: WorkflowInstance
    history: list[tuple[WorkflowActivation, list[bytes]]] = field(default_factory=list)
    activities: dict[int, Scheduled] = field(default_factory=dict)
    timers: set[int] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)
    patches: list[str] = field(default_factory=list)
    """Patch markers in its history."""
    is_over: bool = False
    result: Any = None
    events: int = 0
    """Approximately the events of a server: three per task, plus those of arriving jobs and requested commands."""


def value_of(run: Run, payload: Any) -> Any:
    """Return a payload as the type of the workflow's result."""
    return PAYLOADS.from_payloads([payload], [run.defn.ret_type] if run.defn.ret_type else None)[0]


def played(run: Run, activation: WorkflowActivation) -> list[WorkflowCommand]:
    """Return the commands with which a run answers an activation.

    Raises:
        StuckError: the workflow's code fails.
    """
    completion = on_its_own_loop(lambda: run.instance.activate(activation))
    if completion.HasField("failed"):
        raise StuckError(f"{run.workflow_id}: {completion.failed.failure}")
    return list(completion.successful.commands)
