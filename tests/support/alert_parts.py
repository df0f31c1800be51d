"""A process that sends alerts to one channel, and events to send."""

from typing import Any, Final

import psycopg

from database.database import Database
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.identity import Environment
from domain.masking import Masking
from fleet.alerting.channels import Channel, channels_of
from fleet.alerting.outbox import Alerting, AlertRules
from tests.support.builders import ACCOUNT, MONDAY, NOW, SAMSUNG, WORKER
from tests.support.webhook import Webhook

SECRET: Final = "PSEUDO-APP-KEY-123"


class AlertSender:
    """One hosting process with one alert channel."""

    def __init__(self, database: Database, channel: Channel, **rules: Any) -> None:
        given: dict[str, Any] = {"mask": Masking([SECRET, "5000000001"]), **rules}
        self.duty = Alerting((ACCOUNT, Environment.SIMULATED), database, [channel], AlertRules(**given))
        self.channel = channel

    async def sends(self) -> int:
        return await self.duty.send_due(self.channel)


async def alert_sender(database: Database, webhook: Webhook, **rules: Any) -> AlertSender:
    (channel,) = channels_of([webhook.url])
    sender = AlertSender(database, channel, **rules)
    await sender.duty._register()
    return sender


async def happens(database: Database, kind: str, level: EventLevel = EventLevel.CRITICAL, **changes: Any) -> None:
    given: dict[str, Any] = {"session_date": MONDAY, "worker_id": WORKER, "symbol": SAMSUNG, **changes}
    await database.events.append(Event(ACCOUNT, kind_of(kind), level, NOW, **given))


def due_again(database_url: str) -> None:
    """End the pauses between messages and attempts."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alert_channels SET next_try_at = clock_timestamp()")


def lease_is_over(database_url: str) -> None:
    """End the lease of a process that could not record what it had sent."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alert_channels SET leased_until = clock_timestamp()")
