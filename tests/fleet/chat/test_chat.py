"""The fleet is watched and commanded from a chat, over real HTTP, by the command line's Updates and audit log."""

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from telegram import Update

from domain.identity import WorkerId
from domain.masking import Masking
from fleet import commands
from fleet.chat import desk as desk_module
from fleet.chat.bot import ChatBot
from fleet.chat.desk import READS, ChatAct
from fleet.errors import ChatError
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.database.books import Books
from tests.fleet.chat.chat_host import KILL, ChatHosts, Counting, audited, registered
from tests.support.bot_api import CHAT, TOKEN, BotApi
from tests.support.builders import HYNIX, SAMSUNG, WORKER, some_rules
from tests.support.running_fleet import Hosted

STRANGER = 666


def test_a_chat_can_only_ask_and_reduce() -> None:
    assert set(READS) == {"status", "positions"}
    assert {act.value for act in ChatAct} == {"pause", "liquidate", "killswitch"}
    assert set(desk_module._ACTS) == {act.value for act in ChatAct}
    updates = {commands.PAUSE.update, commands.liquidate().update}
    assert updates == {"pause", "liquidate"}, "the only Updates that the performer sends"
    source = Path("runtime/chat.py").read_text() + Path("fleet/chat/desk.py").read_text()
    assert not [each for each in ("RESUME", "change_rules", "lift_kill_switch", "start_workers") if each in source]


@pytest.mark.parametrize(
    "text", ["/start", "/resume", "/resume all", "/rules all risk.position=9", "/kill-switch off", "buy", "", "/", "😀"]
)
async def test_everything_else_is_answered_with_the_help(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, text: str
) -> None:
    api.says(text)

    await hosts.host().looks()

    (answer,) = api.texts
    assert "/killswitch" in answer
    assert "cannot buy" in answer
    assert await audited(fleet) == []


async def test_the_state_and_the_positions_are_answered(fleet: Fleet, api: BotApi, hosts: ChatHosts) -> None:
    books = Books(fleet.database, fleet.account_id)
    await registered(fleet)
    await books.held(WORKER, SAMSUNG)
    await books.traded(WorkerId("worker-2"), HYNIX)
    api.says("/status@haru_of_a_test_bot")
    api.says("/positions")

    await hosts.host().looks()

    status, positions = api.texts
    assert "1 held · 0 trades" in status, "the other worker is not registered"
    assert "(005930) 10 × 70,000 → " in positions
    assert "(000660)" not in positions


async def test_pause_reaches_the_worker_by_its_update_after_the_button(
    hosted: Hosted, api: BotApi, hosts: ChatHosts
) -> None:
    (name,) = await start_workers(hosted.fleet, 1, some_rules())
    host = hosts.host()
    api.says("/pause")
    await host.looks()
    assert api.texts[-1].startswith("Pause · all?")
    row = await paused(hosted.fleet)
    assert row is False

    api.presses("Pause")
    await host.looks()

    assert await paused(hosted.fleet)
    assert f"{name}: done" in api.texts[-1]
    assert await audited(hosted.fleet) == [("pause all", "accepted", f"telegram chat {CHAT}")]


async def paused(fleet: Fleet) -> bool:
    plan = fleet.plan_of_the_day(fleet.market_now())
    (row,) = await fleet.database.workers.board(fleet.account_id, plan.session.date)
    return row.paused


async def test_the_kill_switch_needs_its_button_and_no_worker(fleet: Fleet, api: BotApi, hosts: ChatHosts) -> None:
    host = hosts.host()
    api.says("/killswitch")
    await host.looks()
    assert not (await fleet.database.risk.state(fleet.account_id)).kill_switch_on

    api.presses(KILL)
    await host.looks()

    state = await fleet.database.risk.state(fleet.account_id)
    assert state.kill_switch_on
    assert state.kill_switch_by == f"telegram chat {CHAT}"
    assert "nothing more is bought" in api.texts[-1]


async def test_strangers_get_no_answer_and_one_row_however_much_they_send(
    fleet: Fleet, api: BotApi, hosts: ChatHosts
) -> None:
    host = hosts.host()
    for _ in range(3):
        api.says("/killswitch", chat=STRANGER)
        api.presses("", chat=STRANGER, data="yes:guessed")
    for number in range(40):
        api.says("/status", chat=1000 + number)
    api.says("/status")

    await host.looks()

    assert len(api.sent) == 1, "the answer to the allowed chat"
    assert api.acknowledged == []
    rows = await audited(fleet)
    assert rows[0] == ("telegram", "refused", f"telegram chat {STRANGER}")
    assert len(rows) == 20


async def test_an_edited_message_is_no_command(fleet: Fleet, api: BotApi, hosts: ChatHosts) -> None:
    api.says("/killswitch", kind="edited_message")

    await hosts.host().looks()

    assert api.sent == []


async def test_one_host_polls_and_another_takes_over(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, database_url: str
) -> None:
    first, second = hosts.host("host-1"), hosts.host("host-2")
    await first.looks()
    await second.looks()
    assert api.polls == 1

    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE chat_pollers SET leased_until = clock_timestamp()")
    await second.looks()
    await first.looks()
    assert api.polls == 2


async def test_an_unknown_worker_is_refused_in_words(fleet: Fleet, api: BotApi, hosts: ChatHosts) -> None:
    await registered(fleet)
    api.says("/liquidate worker-9")

    await hosts.host().looks()

    assert "there is no worker 'worker-9'" in api.texts[-1]


async def test_a_chat_that_has_blocked_the_bot_stops_neither_the_act_nor_other_updates(
    fleet: Fleet, api: BotApi, hosts: ChatHosts
) -> None:
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.refuses_messages = True
    api.says("/status")
    api.presses(KILL)
    await host.looks()

    assert len(counting.done) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (401, b""),
        (409, b'{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}'),
        (500, b"<html>"),
        (200, b"<html>"),
        (200, b'{"ok":true,"result":[{"update_id":"x","message":{"chat":7}}]}'),
        (
            200,
            b'{"ok":true,"result":[{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":[7],"type":"x"}}}]}',
        ),
        (200, b'{"ok":true,"result":[{"update_id":99999999999999999999}]}'),
        (200, b'{"ok":true,"result":' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
        (200, b'{"ok":true,"result":"' + b"x" * 5_000_000 + b'"}'),
        (429, b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":5}}'),
    ],
)
async def test_what_telegram_answers_wrongly_is_an_error_without_the_token(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, answer: tuple[int, bytes]
) -> None:
    api.status, api.body = answer
    host = hosts.host()

    with pytest.raises(ChatError) as refused:
        await host.duty.look()

    secret = TOKEN.partition(":")[2]
    assert secret not in str(refused.value)
    assert refused.value.__cause__ is None
    assert secret not in "".join(map(str, vars(refused.value).values()))


async def test_of_a_reply_only_so_much_is_made_into_objects_as_is_read(
    api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Megabytes of updates or of parts of one stopped the process that trades for seconds."""
    made, real = list[Any](), Update.de_json

    def noted(data: Any, bot: Any) -> Any:
        made.append(data)
        return real(data, bot)

    monkeypatch.setattr(Update, "de_json", staticmethod(noted))
    bot = ChatBot(TOKEN, api.url, Masking([TOKEN]))
    parts = [{"type": "bold", "offset": 0, "length": 1}] * 10_000
    large = {"message_id": 1, "date": 1, "chat": {"id": CHAT, "type": "private"}, "entities": parts}
    api.body = json.dumps({"ok": True, "result": [{"update_id": number} for number in range(20_000)]}).encode()
    assert len(await bot.updates(None, 0)) == 50

    made.clear()
    message = {**large, "text": "/status " + "x" * 9_000}
    api.body = json.dumps({"ok": True, "result": [{"update_id": 7, "message": message}]}).encode()
    (said,) = await bot.updates(None, 0)
    await bot.aclose()

    assert (said.update_id, said.chat_id, said.text[:8]) == (7, CHAT, "/status ")
    assert len(json.dumps(made)) < 1_000


async def test_a_telegram_that_is_away_is_an_error_without_the_token(fleet: Fleet, api: BotApi) -> None:
    api.close()
    bot = ChatBot(TOKEN, api.url, Masking([TOKEN]))

    with pytest.raises(ChatError, match="ConnectError") as refused:
        await bot.name()

    assert TOKEN.partition(":")[2] not in repr(refused.value)
    await bot.aclose()


async def test_a_question_that_cannot_be_answered_keeps_no_command_waiting(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that cannot be read, or an error of ours: the kill switch behind it counts all the same."""

    async def broken(*_: object) -> str:
        raise KeyError("an odd row")

    monkeypatch.setitem(desk_module.READS, "status", broken)
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.says("/status")
    api.presses(KILL)

    await host.looks()

    assert [act for act, _, _ in counting.done] == ["killswitch"]
    assert api.texts[-2] == "/status cannot be answered now (KeyError). Use starter.py or the page."


async def test_a_question_that_takes_too_long_keeps_no_command_waiting(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(*_: object) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setitem(desk_module.READS, "positions", hanging)
    monkeypatch.setattr(desk_module, "_ANSWERED_WITHIN", 0.05)
    counting = Counting()
    host = hosts.host(perform=counting)
    api.says("/killswitch")
    await host.looks()
    api.says("/positions")
    api.presses(KILL)

    await asyncio.wait_for(host.looks(), 20)

    assert [act for act, _, _ in counting.done] == ["killswitch"]


async def test_a_host_that_answers_so_slowly_that_another_polls_answers_nothing_more(
    fleet: Fleet, api: BotApi, hosts: ChatHosts, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    async def slow(*_: object) -> str:
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE chat_pollers SET owner = 'host-2'")
        return "late"

    monkeypatch.setitem(desk_module.READS, "status", slow)
    for _ in range(3):
        api.says("/status")

    await hosts.host("host-1").looks()

    assert api.texts == ["late"], "the other two are the other host's"
