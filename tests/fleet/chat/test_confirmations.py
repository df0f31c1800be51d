"""A button counts once: pressed twice, delivered again, expired, cancelled, guessed, or after its host has died."""

import asyncio
from datetime import timedelta

import pytest

from fleet.chat import desk as desk_module
from fleet.chat import duty as duty_module
from fleet.fleet import Fleet
from tests.fleet.chat.chat_host import KILL, ChatHosts, Counting, registered
from tests.support.bot_api import CHAT, BotApi


async def test_a_button_counts_once_whatever_is_pressed_or_delivered_again(
    fleet: Fleet, api: BotApi, hosts: ChatHosts
) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.presses(KILL)
    api.presses(KILL)
    await host.looks()
    api.presses(KILL)
    await host.looks()
    await hosts.host("host-1", counting).looks()

    assert counting.done == [("killswitch", "all", CHAT)]
    assert [each["text"] for each in api.acknowledged].count("No longer valid. Send the command again.") == 2


async def test_updates_of_a_host_that_died_before_acknowledging_them_are_not_answered_again(
    fleet: Fleet, api: BotApi, hosts: ChatHosts
) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.presses(KILL)
    await host.looks()
    before = len(api.sent)
    assert [each["update_id"] for each in api.updates], "still to be acknowledged, as after a kill -9"

    again = hosts.host("host-1", counting)
    await again.looks()
    await again.looks()

    assert len(counting.done) == 1
    assert len(api.sent) == before
    assert api.updates == []


async def test_an_act_whose_host_dies_is_not_repeated_and_its_chat_hears_of_it(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = Counting()
    dying.may_end.clear()
    host = hosts.host(perform=dying)
    api.says("/liquidate")
    await registered(fleet)
    await host.looks()
    api.presses("Liquidate")
    await host.duty.look()
    while not dying.done:
        await asyncio.sleep(0)
    for task in host.desk._under_way:
        task.cancel()
    await host.desk.finish()

    counting = Counting()
    monkeypatch.setattr(duty_module, "_GIVEN_UP_AFTER", timedelta(0))
    other = hosts.host("host-1", counting)
    for _ in range(2):
        await other.looks()

    assert counting.done == []
    assert [each for each in api.texts if "outcome is unknown" in each] == [api.texts[-1]]
    assert api.texts[-1].startswith("Liquidate · all: the host died")


async def test_a_button_expires(fleet: Fleet, api: BotApi, hosts: ChatHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    monkeypatch.setattr(desk_module, "VALID_FOR", timedelta(0))
    api.says("/killswitch")
    await host.looks()
    api.presses(KILL)
    await host.looks()

    assert counting.done == []
    assert api.acknowledged[-1]["text"].startswith("No longer valid")


async def test_a_cancelled_button_cannot_be_confirmed(fleet: Fleet, api: BotApi, hosts: ChatHosts) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.presses("Cancel")
    api.presses(KILL)
    await host.looks()

    assert counting.done == []
    assert [each["text"][:9] for each in api.acknowledged] == ["Cancelled", "No longer"]


async def test_a_guessed_code_and_the_code_of_another_chat_do_nothing(
    fleet: Fleet, api: BotApi, hosts: ChatHosts
) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    host.desk._chats = frozenset({CHAT, 77})
    api.says("/killswitch")
    await host.looks()
    api.presses(KILL, chat=77)
    for data in ("yes:", "yes:guessed", "no:guessed", "", "yes:" + "a" * 60):
        api.presses("", data=data or "nothing")
    await host.looks()
    await host.looks()

    assert counting.done == []
