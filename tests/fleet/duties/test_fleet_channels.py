"""Channels belong to the fleet: no host silences another's, and a channel unknown to all hosts is reported."""

import argparse
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from cli.desk import Desk, stdout_console
from cli.verbs.channels import list_channels, remove_channel
from database.database import Database
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.rules import TradingRules
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.board import as_json, read_board
from fleet.duties.channels import ChannelDuty
from fleet.errors import OperationError
from fleet.fleet import Fleet
from tests.support.alert_parts import alert_sender, happens
from tests.support.builders import ACCOUNT
from tests.support.webhook import Webhook

ONE, TWO = "1111111111111111", "2222222222222222"
LEVELS = [EventLevel.CRITICAL]


async def a_host_without_channels(database: Database) -> None:
    """Do the same as a second worker.py without HARU_ALERTS__URLS at its start."""
    await Alerting((ACCOUNT, Environment.SIMULATED), database, [], AlertRules(mask=str))._register()


def grow_unknown(database_url: str, channel: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE alert_channels SET known_at = known_at - interval '12 minutes' WHERE channel = %s", (channel,)
        )


async def test_a_second_host_without_channels_neither_retires_ours_nor_drops_unsent_criticals(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await happens(database, "order_quarantined")

    await a_host_without_channels(database)
    await happens(database, "kill_switch_pressed")

    assert await process.sends() == 2
    assert "order quarantined" in webhook.messages[0]["message"]
    assert "kill switch pressed" in webhook.messages[0]["message"]


async def test_a_channel_is_removed_by_the_operator_alone_and_comes_back_with_a_start(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await happens(database, "order_quarantined")

    assert await database.alerts.remove(ACCOUNT, process.channel.key) == 1
    assert await database.alerts.remove(ACCOUNT, process.channel.key) is None
    await database.alerts.keep_known(ACCOUNT, [process.channel.key])
    await happens(database, "kill_switch_pressed")
    assert await process.sends() == 0

    await process.duty._register()
    await happens(database, "order_quarantined")
    assert await process.sends() == 1


async def test_each_buy_and_sale_is_sent_to_channels_that_want_them(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    await alert_sender(database, webhook)
    await happens(database, "position_bought", EventLevel.INFO)
    (state,) = await database.alerts.states(ACCOUNT)
    assert state.unsent == 0

    process = await alert_sender(database, webhook, sends_trades=True)
    await happens(database, "position_sold", EventLevel.INFO, detail={"quantity": 3, "why": "stop_loss, net -700 won"})

    assert await process.sends() == 1
    assert "sold · 005930 · worker-1 · 11-23 10:00:00 — ×3: stop_loss, net -700 won" in webhook.messages[0]["message"]


async def test_a_channel_that_no_host_knows_is_an_event_once_a_day_and_a_line_of_the_status(
    fleet: Fleet, database_url: str
) -> None:
    await fleet.database.alerts.register(fleet.account_id, [ONE, TWO], LEVELS, sends_days=True)
    grow_unknown(database_url, ONE)
    grow_unknown(database_url, TWO)

    for _ in range(2):
        await ChannelDuty(fleet, [TWO]).look()

    (event,) = await fleet.database.events.latest(fleet.account_id, 10)
    assert (event.kind, event.level) == (EventKind.ALERT_CHANNEL_UNKNOWN, EventLevel.ERROR)
    assert ONE in str(event.detail["why"])
    board = as_json(await read_board(fleet, fleet.market_now()))
    assert board["troubles"] == [
        f"NO ALERTS to channel {ONE}: no host has known its address for 12 min, 0 unsent",
    ]


async def test_a_host_that_has_just_gone_is_not_missed_yet(fleet: Fleet) -> None:
    await fleet.database.alerts.register(fleet.account_id, [ONE], LEVELS, sends_days=True)

    await ChannelDuty(fleet, []).look()
    assert await fleet.database.events.latest(fleet.account_id, 10) == ()
    await ChannelDuty(fleet, [], unknown=timedelta(0)).look()
    assert len(await fleet.database.events.latest(fleet.account_id, 10)) == 1


def a_desk(fleet: Fleet, **asked: Any) -> Desk:
    return Desk(fleet, TradingRules(), argparse.Namespace(json=True, **asked), stdout_console())


async def test_the_verb_lists_the_channels_and_removes_one(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert await list_channels(a_desk(fleet), {}) == 1
    await fleet.database.alerts.register(fleet.account_id, [ONE, TWO], LEVELS, sends_days=True)
    capsys.readouterr()

    assert await list_channels(a_desk(fleet), {ONE: "1 (json)"}) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["channel"], each["name"], each["trouble"]) for each in listed] == [
        (ONE, "1 (json)", ""),
        (TWO, None, ""),
    ]

    assert await remove_channel(a_desk(fleet, channel=TWO)) == 0
    assert [state.channel for state in await fleet.database.alerts.states(fleet.account_id)] == [ONE]
    with pytest.raises(OperationError, match="alert-channels"):
        await remove_channel(a_desk(fleet, channel=TWO))
