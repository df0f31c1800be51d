"""The fleet is watched and commanded from a chat, over real HTTP, by the command line's Updates and audit log."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.identity import WorkerId
from domain.masking import Masking
from fleet import commands
from fleet.chat import desk as desk_module
from fleet.chat import duty as duty_module
from fleet.chat.bot import ChatBot
from fleet.chat.desk import READS, ChatAct, ChatDesk
from fleet.chat.duty import ChatDuty
from fleet.errors import ChatError
from fleet.fleet import Fleet
from fleet.starting import start_workers
from runtime.chat import ChatPerformer, Strangers
from tests.database.books import Books
from tests.support.bot_api import CHAT, TOKEN, BotApi
from tests.support.builders import HYNIX, SAMSUNG, WORKER, some_rules
from tests.support.running_fleet import Hosted

STRANGER = 666
KILL = "Kill switch on"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)


@pytest.fixture
def api() -> Iterator[BotApi]:
    listening = BotApi()
    yield listening
    listening.close()


@dataclass
class ChatHost:
    """One hosting process with the bot."""

    fleet: Fleet
    bot: ChatBot
    desk: ChatDesk
    duty: ChatDuty

    async def looks(self) -> None:
        await self.duty.look()
        await self.desk.finish()


class ChatHosts:
    """Makes hosts of a fleet, and closes their connections."""

    def __init__(self, fleet: Fleet, api: BotApi) -> None:
        self._fleet, self._api = fleet, api
        self._made: list[ChatHost] = []

    def host(self, owner: str = "host-1", perform: Any = None) -> ChatHost:
        bot = ChatBot(TOKEN, self._api.url, Masking([TOKEN]))
        acts = (perform or ChatPerformer(self._fleet).perform, Strangers(self._fleet).note)
        desk = ChatDesk(bot, frozenset({CHAT}), "en", acts)
        self._made.append(ChatHost(self._fleet, bot, desk, ChatDuty(self._fleet, bot, desk, owner, wait=0)))
        return self._made[-1]

    async def aclose(self) -> None:
        for each in self._made:
            await each.bot.aclose()


@pytest.fixture
async def hosts(fleet: Fleet, api: BotApi) -> AsyncIterator[ChatHosts]:
    made = ChatHosts(fleet, api)
    yield made
    await made.aclose()


async def audited(fleet: Fleet) -> list[tuple[object, object, object]]:
    """Return the audit rows' commands, outcomes and clients, oldest first."""
    events = await fleet.database.events.latest(fleet.account_id, 50)
    rows = [each.detail for each in reversed(events) if each.kind == "operator_command"]
    return [(row["command"], row["outcome"], str(row["client"]).rpartition(" ")[0]) for row in rows]


async def registered(fleet: Fleet) -> None:
    await fleet.database.workers.register_all(fleet.account_id, {WORKER: "no-such-workflow"})


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


class Counting:
    """Counts what is carried out, and may hang as a host that is about to die."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, int]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, act: ChatAct, worker: str, chat: int) -> str:
        self.done.append((act.value, worker, chat))
        await self.may_end.wait()
        return "done"


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


async def test_a_telegram_that_is_away_is_an_error_without_the_token(fleet: Fleet, api: BotApi) -> None:
    api.close()
    bot = ChatBot(TOKEN, api.url, Masking([TOKEN]))

    with pytest.raises(ChatError, match="ConnectError") as refused:
        await bot.name()

    assert TOKEN.partition(":")[2] not in repr(refused.value)
    await bot.aclose()
