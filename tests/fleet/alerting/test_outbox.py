"""Events are sent outside once, folded and masked, by one process, and never block trading (F48)."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta

import psycopg
import pytest

from database.alerts import Alerts, Outlet
from database.database import Database, open_database
from domain.alert import pause_after
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.identity import Environment
from domain.masking import Masking
from fleet.alerting.channels import channels_of
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.alerting.text import message_of
from fleet.errors import OperationError
from tests.support.alert_parts import SECRET, alert_sender, due_again, happens, lease_is_over
from tests.support.builders import ACCOUNT, HYNIX, NOW, SAMSUNG
from tests.support.webhook import Webhook

AT_ONCE = timedelta(0)


async def test_a_critical_event_is_reported_at_once_and_once(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await happens(database, "order_quarantined", detail={"evidence": "twins"})

    assert await process.sends() == 1
    due_again(database_url)
    assert await process.sends() == 0

    (sent,) = webhook.messages
    assert sent["title"] == "HARU · SIMULATED · critical: order quarantined"
    assert sent["message"] == ("[critical] order quarantined · 005930 · worker-1 · 11-23 10:00:00 — twins")
    assert sent["type"] == "failure"


async def test_equal_events_are_one_line_and_others_stay_apart(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook)
    for symbol in (SAMSUNG, HYNIX, SAMSUNG):
        await happens(database, "order_quarantined", symbol=symbol, detail={"evidence": "twins"})
    await happens(database, "discrepancy_found", EventLevel.ERROR, detail={"kind": "missing_fill"})

    assert await process.sends() == 4

    (sent,) = webhook.messages
    first, second = sent["message"].splitlines()
    assert "order quarantined ×3 · 005930, 000660 · worker-1" in first
    assert second.endswith("— a fill is missing in the ledger")


async def test_warnings_are_gathered_and_do_not_go_with_what_is_urgent(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    for _ in range(12):
        await happens(database, "order_adopted", EventLevel.WARNING)
    assert await process.sends() == 0
    await happens(database, "kill_switch_pressed")
    assert await process.sends() == 1
    due_again(database_url)
    assert await process.sends() == 0

    process = await alert_sender(database, webhook, gathered_for=AT_ONCE)
    assert await process.sends() == 12

    assert "order found at the broker and adopted ×12" in webhook.messages[1]["message"]
    assert webhook.messages[1]["type"] == "warning"


async def test_the_oldest_warning_decides_when_they_are_reported(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook, gathered_for=timedelta(seconds=0.6))
    await happens(database, "order_adopted", EventLevel.WARNING)
    assert await process.sends() == 0
    await asyncio.sleep(0.6)
    await happens(database, "order_adopted", EventLevel.WARNING)

    assert await process.sends() == 2


async def test_secrets_and_account_numbers_are_masked(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook)
    words = f"key {SECRET} of 50000000-01 alias 5000000001, appsecret=abc123xyz refused"
    await happens(database, "access_refused", detail={"cause": words})

    await process.sends()

    text = str(webhook.messages)
    assert "key *** of *** alias ***, appsecret=*** refused" in text
    assert SECRET not in text


async def test_quieter_events_than_asked_for_are_not_reported(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook, minimum_level=EventLevel.CRITICAL, gathered_for=AT_ONCE)
    await happens(database, "order_adopted", EventLevel.WARNING)
    await happens(database, "discrepancy_found", EventLevel.ERROR)
    await happens(database, "scanned", EventLevel.INFO)

    assert await process.sends() == 0


async def test_what_happened_before_a_channel_was_known_is_not_reported(database: Database, webhook: Webhook) -> None:
    await happens(database, "kill_switch_pressed")
    process = await alert_sender(database, webhook)

    assert await process.sends() == 0


async def test_an_event_that_is_not_committed_is_never_reported(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    with psycopg.connect(database_url) as undecided:
        undecided.execute(
            "INSERT INTO events (account_id, kind, level, at) VALUES (%s, 'flat', 'critical', now())", (ACCOUNT,)
        )
        assert await process.sends() == 0
        undecided.rollback()

    assert await process.sends() == 0


async def test_a_channel_that_was_down_is_reported_once_when_it_is_back(
    database: Database, database_url: str, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    process = await alert_sender(database, webhook)
    webhook.close()
    await happens(database, "order_quarantined")
    with caplog.at_level(logging.WARNING, "haru.alerts"):
        assert await process.sends() == 0
    assert await process.sends() == 0  # its pause lasts
    (state,) = await database.alerts.states(ACCOUNT)
    assert (state.failures, state.unsent) == (1, 1)
    assert "onnection" in state.trouble
    assert [record.message for record in caplog.records if record.name == "haru.alerts"] == ["alert_not_delivered"]

    await happens(database, "order_quarantined")
    webhook.open()
    due_again(database_url)
    assert await process.sends() == 2
    due_again(database_url)
    assert await process.sends() == 0

    (sent,) = webhook.messages
    assert "×2" in sent["message"]
    assert (await database.alerts.states(ACCOUNT))[0].failures == 0


async def test_a_channel_that_refuses_is_tried_again_later_and_later(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    webhook.answers = 503
    await happens(database, "order_quarantined")
    for _ in range(2):
        due_again(database_url)
        assert await process.sends() == 0

    assert (await database.alerts.states(ACCOUNT))[0].failures == 2
    assert [pause_after(failures).total_seconds() for failures in (1, 2, 3, 7, 900)] == [5, 10, 20, 300, 300]
    assert webhook.messages == []


async def test_of_two_processes_one_delivers(database: Database, database_url: str, webhook: Webhook) -> None:
    other = await open_database(database_url)
    one, two = await alert_sender(database, webhook), await alert_sender(other, webhook)
    webhook.seconds = 0.3
    await happens(database, "order_quarantined")

    sent = await asyncio.gather(one.sends(), two.sends())

    assert sorted(sent) == [0, 1]
    assert len(webhook.messages) == 1
    await other.aclose()


async def test_what_a_dead_process_was_sending_is_sent_by_another_when_its_lease_ends(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await happens(database, "order_quarantined")
    (channel,) = channels_of([webhook.url])
    dead = Outlet(ACCOUNT, channel.key, "a process that died while sending")
    assert len(await database.alerts.claim(dead)) == 1
    assert await process.sends() == 0

    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alert_channels SET leased_until = clock_timestamp()")
    assert await process.sends() == 1


async def test_a_slow_channel_costs_a_time_out_and_delays_no_other_channel(
    database: Database, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.seconds = 3
    quick = Webhook().open()
    channels = channels_of([webhook.url, quick.url.replace("T0KEN", "0THER")])
    rules = AlertRules(mask=Masking([]), longest_send=0.5)
    keeping = asyncio.create_task(Alerting((ACCOUNT, Environment.SIMULATED), database, channels, rules).keep())
    while len(await database.alerts.states(ACCOUNT)) < 2:
        await asyncio.sleep(0.02)

    worst, began = 0.0, time.monotonic()
    await happens(database, "order_quarantined")
    while time.monotonic() - began < 2:
        before = time.monotonic()
        await happens(database, "tick", EventLevel.INFO)
        await asyncio.sleep(0.01)
        worst = max(worst, time.monotonic() - before)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    quick.close()

    assert len(quick.messages) == 1
    troubles = {state.trouble for state in await database.alerts.states(ACCOUNT)}
    assert troubles == {"", "no answer within 0.5 s"}
    assert worst < 0.5, "a slow channel held up the loop in which positions are watched"


async def test_no_second_attempt_is_begun_while_the_first_hangs(webhook: Webhook) -> None:
    webhook.seconds = 1
    (channel,) = channels_of([webhook.url])
    message = message_of(Environment.SIMULATED, [Event(ACCOUNT, kind_of("drill"), EventLevel.ERROR, NOW)], "en", str)

    assert await channel.send(message, 0.3) == "no answer within 0.3 s"
    assert await channel.send(message, 0.3) == "the previous attempt has not ended yet"
    assert webhook.attempts == 1


@pytest.mark.parametrize("url", ["nonsense://T0KEN-OF-THIS", "T0KEN-OF-THIS", "slack://T0KEN-OF-THIS"])
def test_an_address_that_cannot_be_used_is_reported_by_its_number_without_showing_it(url: str) -> None:
    with pytest.raises(OperationError, match="address 2") as refused:
        channels_of(["json://127.0.0.1/", url])

    assert "T0KEN" not in str(refused.value)


class OutboxOnAFullDisk(Alerts):
    """Fails a given number of times to mark sent alerts."""

    def __init__(self, alerts: Alerts, times: int) -> None:
        super().__init__(alerts._pool)
        self._times = times

    async def delivered(self, outlet: Outlet, event_ids: Sequence[int], rest: timedelta = AT_ONCE) -> None:
        self._times -= 1
        if self._times >= 0:
            raise OSError("could not extend file: No space left on device")
        await super().delivered(outlet, event_ids, rest)


async def test_what_a_channel_has_taken_is_not_sent_again_because_it_could_not_be_marked(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    process.duty._alerts = OutboxOnAFullDisk(database.alerts, 2)
    await happens(database, "order_quarantined")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            await process.sends()
        lease_is_over(database_url)

    assert await process.sends() == 0
    due_again(database_url)
    await happens(database, "discrepancy_found", EventLevel.ERROR)
    assert await process.sends() == 1

    assert len(webhook.messages) == 2


async def test_an_outbox_that_cannot_be_read_is_asked_less_and_less_often(
    database: Database, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    process = await alert_sender(database, webhook)

    async def claim(*_: object) -> None:
        raise OSError("No space left on device")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr(process.duty._alerts, "claim", claim)
    monkeypatch.setattr("fleet.alerting.outbox.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await process.duty._attend(process.channel)

    assert pauses == [5, 10, 20, 40, 60, 60]
