"""Links into Temporal's Web UI: the fleet's running workflows, and one worker's present run."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from domain.identity import AccountId, WorkerId
from fleet.fleet import Fleet
from workflows.identity import task_queues, worker_workflow_id


@dataclass(frozen=True, slots=True)
class TemporalLinks:
    """Where the Web UI is, and of which account it shows workflows. Without an address there are no links."""

    address: str | None
    namespace: str
    account_id: AccountId

    @classmethod
    def of(cls, fleet: Fleet) -> "TemporalLinks":
        """Return the links of a fleet."""
        return cls(fleet.web_ui, fleet.client.namespace, fleet.account_id)

    @property
    def _workflows(self) -> str:
        return f"{self.address}/namespaces/{quote(self.namespace, safe='')}/workflows"

    @property
    def running(self) -> str | None:
        """Return the list of the fleet's running workflows: one row a worker, without earlier runs."""
        queue = task_queues(self.account_id).trading
        asked = {"query": f'`TaskQueue`="{queue}" AND `ExecutionStatus`="Running"'}
        return f"{self._workflows}?{urlencode(asked)}" if self.address else None

    def run_of(self, worker_id: WorkerId) -> str | None:
        """Return a worker's present run."""
        name = quote(worker_workflow_id(self.account_id, worker_id), safe="")
        return f"{self._workflows}/{name}" if self.address else None
