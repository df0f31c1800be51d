"""Temporal or broker outage: report it while it lasts, and record its length afterwards."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError

from domain.events.machines import broker_away, broker_was_away, temporal_away, temporal_was_away
from fleet.alerting.direct import DirectAlerts
from fleet.duties.duty import Terms
from fleet.duties.outage_log import Outage, OutageLog
from fleet.fleet import Fleet

_ANSWERS_WITHIN: Final = timedelta(seconds=5)
TEMPORAL: Final = Outage(temporal_away, temporal_was_away, long=15.0)
BROKER: Final = Outage(broker_away, broker_was_away, long=30.0)


class TemporalDuty:
    """Ask the server for its namespace."""

    terms = Terms("temporal_reach")

    def __init__(self, fleet: Fleet, direct: DirectAlerts, outage: Outage = TEMPORAL) -> None:
        self._fleet = fleet
        self._log = OutageLog(fleet, direct, outage)

    async def look(self) -> None:
        """Ask once, and record whether the server answered."""
        if await answers(self._fleet):
            await self._log.note_back()
        else:
            await self._log.note_away()


class BrokerDuty:
    """Check the results of the client's calls. Makes no call of its own."""

    terms = Terms("broker_reach")

    def __init__(
        self, fleet: Fleet, direct: DirectAlerts, silent_for: Callable[[], float], outage: Outage = BROKER
    ) -> None:
        self._silent_for = silent_for
        self._log = OutageLog(fleet, direct, outage)

    async def look(self) -> None:
        """Record whether the broker answers."""
        seconds = self._silent_for()
        await (self._log.note_away(seconds) if seconds else self._log.note_back())


async def answers(fleet: Fleet) -> bool:
    """Return whether Temporal answers."""
    request = DescribeNamespaceRequest(namespace=fleet.client.namespace)
    try:
        await fleet.client.workflow_service.describe_namespace(request, timeout=_ANSWERS_WITHIN)
    except RPCError:
        return False
    return True
