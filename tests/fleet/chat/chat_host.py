"""Hosting processes with a bot, for tests."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from domain.masking import Masking
from fleet.chat.bot import ChatBot
from fleet.chat.desk import ChatAct, ChatDesk
from fleet.chat.duty import ChatDuty
from fleet.fleet import Fleet
from runtime.chat import ChatPerformer, Strangers
from tests.support.bot_api import CHAT, TOKEN, BotApi
from tests.support.builders import WORKER

KILL: Final = "Kill switch on"
"""The label of the kill switch's button."""


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


async def audited(fleet: Fleet) -> list[tuple[object, object, object]]:
    """Return the audit rows' commands, outcomes and clients, oldest first."""
    events = await fleet.database.events.latest(fleet.account_id, 50)
    rows = [each.detail for each in reversed(events) if each.kind == "operator_command"]
    return [(row["command"], row["outcome"], str(row["client"]).rpartition(" ")[0]) for row in rows]


async def registered(fleet: Fleet) -> None:
    await fleet.database.workers.register_all(fleet.account_id, {WORKER: "no-such-workflow"})
