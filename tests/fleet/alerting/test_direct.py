"""Alerts that bypass the books: once per key, retried until a channel accepts them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.masking import Masking
from fleet.alerting import channels
from fleet.alerting import direct as direct_alerts
from fleet.alerting.channels import channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import AlertRules
from tests.support.builders import ACCOUNT, NOW
from tests.support.webhook import Webhook


def an_event(key: str = "one", level: EventLevel = EventLevel.CRITICAL) -> Event:
    return Event(ACCOUNT, EventKind.DATABASE_AWAY, level, NOW, detail={"why": "SECRET-WORD is hidden"}, key=key)


@asynccontextmanager
async def sending(*webhooks: Webhook, minimum: EventLevel = EventLevel.WARNING) -> AsyncIterator[DirectAlerts]:
    rules = AlertRules(Masking(["SECRET-WORD"]), minimum_level=minimum)
    alerts = DirectAlerts(Environment.SIMULATED, channels_of([webhook.url for webhook in webhooks]), rules)
    duty = asyncio.create_task(alerts.keep())
    yield alerts
    duty.cancel()
    await asyncio.gather(duty, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_an_event_is_sent_once_for_its_key_masked_and_without_any_book(webhook: Webhook) -> None:
    async with sending(webhook) as alerts:
        for key in ("one", "one", "two"):
            alerts.send(an_event(key))
        await until(lambda: len(webhook.messages) > 0)
        alerts.send(an_event("one"))
        alerts.send(an_event("three"))
        await until(lambda: len(webhook.messages) > 1)

    first, second = webhook.messages
    assert first["title"] == "HARU · SIMULATED · critical: PostgreSQL is unreachable"
    assert "PostgreSQL is unreachable ×2" in first["message"]
    assert "*** is hidden" in first["message"]
    assert "×" not in second["message"]


async def test_what_a_channel_does_not_take_is_sent_again_with_growing_pauses(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[int] = []

    def pause_after(number: int) -> timedelta:
        failures.append(number)
        return timedelta(0)

    monkeypatch.setattr(direct_alerts, "pause_after", pause_after)
    webhook.answers = 500
    async with sending(webhook) as alerts:
        alerts.send(an_event())
        await until(lambda: len(failures) >= 3)
        webhook.answers = 200
        await until(lambda: len(webhook.messages) == 1)

    assert failures[:3] == [1, 2, 3]


async def test_a_dead_channel_delays_no_other(webhook: Webhook) -> None:
    dead = Webhook()
    async with sending(dead, webhook) as alerts:
        alerts.send(an_event())
        await until(lambda: len(webhook.messages) == 1)


async def test_what_is_not_loud_enough_is_not_sent(webhook: Webhook) -> None:
    async with sending(webhook, minimum=EventLevel.CRITICAL) as alerts:
        alerts.send(an_event("quiet", EventLevel.ERROR))
        alerts.send(an_event("loud"))
        await until(lambda: len(webhook.messages) == 1)

    assert "×" not in webhook.messages[0]["message"]


async def test_a_host_that_ends_as_a_message_is_accepted_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[asyncio.Future[str]] = []
    monkeypatch.setattr(channels, "_begin", lambda _, answer: sent.append(answer))
    alerts = DirectAlerts(Environment.SIMULATED, channels_of(["json://127.0.0.1:9/a"]), AlertRules(str))
    keeping = asyncio.create_task(alerts.keep())
    alerts.send(an_event())
    while not sent:
        await asyncio.sleep(0)
    sent[0].set_result("")
    keeping.cancel()

    _, pending = await asyncio.wait([keeping], timeout=20)

    assert not pending
    assert keeping.cancelled()
