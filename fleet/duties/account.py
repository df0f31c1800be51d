"""Hold the account for this fleet, so that no other fleet trades it (F52)."""

from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from database.errors import AccountInUseError
from domain.event import EventLevel
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

_LEASE: Final = timedelta(seconds=30)


class AccountDuty:
    """Take the account under the fleet's name, and extend its hold."""

    terms = Terms("account", every=10.0, level=EventLevel.CRITICAL, ends_host=(AccountInUseError,))

    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet = fleet
        self._name = name

    async def look(self) -> None:
        """Take or extend the hold.

        Raises:
            AccountInUseError: another fleet trades this account.
        """
        await self._fleet.database.accounts.join(self._fleet.account_id, self._name, _LEASE)


async def fleet_name(client: Client) -> str:
    """Return the fleet's name. Processes on one Temporal namespace are one fleet, on any machine."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    answer = await client.workflow_service.describe_namespace(request)
    return f"{client.namespace}/{answer.namespace_info.id}"
