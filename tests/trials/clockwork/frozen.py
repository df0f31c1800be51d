"""A clockwork whose workflows can be frozen, as if no process of theirs answered."""

from datetime import datetime

from lab.clockwork import Attempt, Clockwork, Step
from lab.runs import Run
from lab.temporal_parts import WorkflowActivation, WorkflowActivationJob


class FreezableClockwork(Clockwork):
    """Keeps the jobs of frozen workflows, while their activities continue."""

    def __init__(self, now: datetime, attempt: Attempt) -> None:
        super().__init__(now, attempt)
        self._stuck: dict[str, list[Step]] = {}

    def freeze(self, workflow_id: str) -> None:
        """Freeze a workflow: its jobs wait."""
        self._stuck.setdefault(workflow_id, [])

    async def thaw(self, workflow_id: str) -> None:
        """Deliver all waiting jobs to a frozen workflow, in the sequence of their arrival."""
        for step in self._stuck.pop(workflow_id, []):
            await step()

    async def _begin(self, run: Run, first: WorkflowActivation) -> None:
        if run.workflow_id in self._stuck:
            self._stuck[run.workflow_id].append(lambda: self._begin(run, first))
        else:
            await super()._begin(run, first)

    async def _activate(self, run: Run, job: WorkflowActivationJob) -> None:
        if run.workflow_id in self._stuck and not run.is_over:
            self._stuck[run.workflow_id].append(lambda: self._activate(self.runs.get(run.workflow_id, run), job))
        else:
            await super()._activate(run, job)
