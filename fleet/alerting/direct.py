"""Alerts that do not pass through the database: used when the database cannot be written."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from domain.alert import levels_from, pause_after
from domain.event import Event
from domain.identity import Environment
from fleet.alerting.channels import Channel
from fleet.alerting.outbox import AlertRules
from fleet.alerting.text import message_of
from fleet.together import first_to_end

logger = logging.getLogger("haru.alerts")

_MOST: Final = 20
_REMEMBERED: Final = 100


class DirectAlerts:
    """Send events of this process to every channel. Retry failed channels with growing delays.

    It uses its own channels, because the outbox's channels send one message at a time.
    """

    def __init__(self, environment: Environment, channels: Sequence[Channel], rules: AlertRules) -> None:
        self._environment = environment
        self._channels = channels
        self._rules = rules
        self._levels = levels_from(rules.minimum_level)
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)
        self._waiting: dict[str, dict[str, Event]] = {channel.key: {} for channel in channels}
        self._news = {channel.key: asyncio.Event() for channel in channels}

    def send(self, event: Event) -> None:
        """Queue an event for sending, once for each key. Returns at once."""
        if event.level not in self._levels or event.key in self._seen:
            return
        self._seen.append(event.key)
        for key, waiting in self._waiting.items():
            if len(waiting) < _MOST:
                waiting[event.key] = event
                self._news[key].set()

    async def keep(self) -> None:
        """Send until this process ends. Each channel has its own loop, so a dead channel delays no other."""
        await first_to_end(asyncio.Event().wait(), *(self._attend(channel) for channel in self._channels))

    async def _attend(self, channel: Channel) -> None:
        failures = 0
        while True:
            await self._news[channel.key].wait()
            self._news[channel.key].clear()
            if await self._send(channel):
                failures = 0
                continue
            failures += 1
            await asyncio.sleep(pause_after(failures).total_seconds())
            self._news[channel.key].set()

    async def _send(self, channel: Channel) -> bool:
        waiting = self._waiting[channel.key]
        events = dict(waiting)
        try:
            rules = self._rules
            message = message_of(self._environment, list(events.values()), rules.language, rules.mask)
            trouble = rules.mask(await channel.send(message, rules.longest_send))
        except Exception:  # a bug here must not stop the watchers
            logger.exception("alerts_failed", extra={"channel": channel.name})
            return False
        if trouble:
            logger.warning("alert_not_delivered", extra={"channel": channel.name, "cause": trouble})
            return False
        for key in events:
            waiting.pop(key, None)
        return True
