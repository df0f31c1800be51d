"""Send events to people by each channel, once for the fleet. Trading never waits for it."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from database.alerts import GATHERED_FOR, Outlet
from database.database import Database
from database.errors import DATABASE_FAULTS
from domain.alert import PendingAlert, due, levels_from, pause_after
from domain.event import EventLevel
from domain.identity import AccountId, Environment
from fleet.alerting.channels import LONGEST_SEND, Channel
from fleet.alerting.text import message_of
from fleet.together import first_to_end
from reporting.sentences import Language

logger = logging.getLogger("haru.alerts")

_ROUND: Final = 1.0
_LONGEST_ROUND: Final = 60.0
"""Seconds between two polls while the outbox cannot be read or written."""


@dataclass(frozen=True, slots=True)
class AlertRules:
    """The minimum level, language, masking and time limits of alerts."""

    mask: Callable[[str], str]
    minimum_level: EventLevel = EventLevel.WARNING
    language: Language = "en"
    sends_days: bool = True
    sends_trades: bool = False
    sends_digests: bool = True
    gathered_for: timedelta = GATHERED_FOR
    longest_send: float = LONGEST_SEND
    """Real seconds."""


class Alerting:
    """Duty of each hosting process. Only one process at a time sends to a channel."""

    def __init__(
        self,
        account: tuple[AccountId, Environment],
        database: Database,
        channels: Sequence[Channel],
        rules: AlertRules,
    ) -> None:
        self._account_id, self._environment = account
        self._alerts = database.alerts
        self._channels = channels
        self._rules = rules
        self._unmarked: dict[str, set[int]] = {channel.key: set() for channel in channels}
        """Events that a channel accepted but the outbox could not mark. They are not sent again."""
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:4]}"

    async def keep(self) -> None:
        """Send alerts until this process ends. Each channel has its own loop, so a dead channel delays no other."""
        await self._register()
        await first_to_end(asyncio.Event().wait(), *(self._attend(channel) for channel in self._channels))

    async def _register(self) -> None:
        rules = self._rules
        levels, keys = levels_from(rules.minimum_level), [channel.key for channel in self._channels]
        wanted = {
            "sends_days": rules.sends_days,
            "sends_trades": rules.sends_trades,
            "sends_digests": rules.sends_digests,
        }
        while True:
            try:
                await self._alerts.register(self._account_id, keys, levels, **wanted)
            except DATABASE_FAULTS as fault:
                logger.warning("alerts_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
                await asyncio.sleep(_ROUND)
            else:
                return

    async def _attend(self, channel: Channel) -> None:
        failures = 0
        while True:
            try:
                await self.send_due(channel)
                failures = 0
            except DATABASE_FAULTS as fault:
                failures += 1
                logger.warning("alerts_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
            except Exception:  # a bug here must not stop the watchers
                failures += 1
                logger.exception("alerts_failed", extra={"channel": channel.name})
            await asyncio.sleep(min(pause_after(failures).total_seconds(), _LONGEST_ROUND) if failures else _ROUND)

    async def send_due(self, channel: Channel) -> int:
        """Send due events as one message; return how many events it contains."""
        outlet = Outlet(self._account_id, channel.key, self._owner)
        claimed = due(await self._alerts.claim(outlet, self._rules.gathered_for))
        unsent = tuple(alert for alert in claimed if alert.event_id not in self._unmarked[channel.key])
        if unsent and not await self._sent(channel, outlet, unsent):
            return 0
        if claimed:
            ids = [alert.event_id for alert in claimed]
            self._unmarked[channel.key].update(ids)
            await self._alerts.delivered(outlet, ids)
            self._unmarked[channel.key].difference_update(ids)
        return len(unsent)

    async def _sent(self, channel: Channel, outlet: Outlet, unsent: Sequence[PendingAlert]) -> bool:
        message = message_of(
            self._environment, [alert.event for alert in unsent], self._rules.language, self._rules.mask
        )
        trouble = self._rules.mask(await channel.send(message, self._rules.longest_send))
        if trouble:
            pause = await self._alerts.failed(outlet, trouble)
            again = {"channel": channel.name, "cause": trouble, "again_in": pause.total_seconds()}
            logger.warning("alert_not_delivered", extra=again)
        return not trouble
