"""What a chat can ask: two answers, and three acts that only reduce. Each act is confirmed by a button, once."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from database.chats import ChatPlan
from database.errors import DATABASE_FAULTS
from domain.identity import ALL_WORKERS
from domain.plain_text import one_line
from fleet.chat.answers import positions_text, status_text
from fleet.chat.bot import ChatBot, Said
from fleet.errors import ChatError, OperationError
from fleet.fleet import Fleet
from reporting.sentences import Language, command_line_words

logger = logging.getLogger("haru.chat")

VALID_FOR: Final = timedelta(minutes=2)
"""Real time in which an act can be confirmed."""
_ANSWERED_WITHIN: Final = 15.0
"""Real seconds for the answer to a message. A command behind it waits no longer."""


class ChatAct(StrEnum):
    """The acts of a chat. None of them buys, and none allows buying again."""

    PAUSE = "pause"
    LIQUIDATE = "liquidate"
    KILL_SWITCH = "killswitch"


READS: Final[Mapping[str, Callable[[Fleet, Language], Awaitable[str]]]] = {
    "status": status_text,
    "positions": positions_text,
}
"""The questions of a chat."""
_ACTS: Final = {act.value: act for act in ChatAct}
_WORDS: Final = {ChatAct.KILL_SWITCH: "kill-switch on"}
"""Names of the page's words where they differ."""
_CONFIRM, _CANCEL = "yes", "no"
_LONGEST_NAME: Final = 40

Perform = Callable[[ChatAct, str, int], Awaitable[str]]
"""Carries out an act for a worker or all on behalf of a chat, with its row of the audit log; returns its outcome."""
Refuse = Callable[[int], Awaitable[None]]
"""Writes down that a stranger's chat has asked."""


class ChatDesk:
    """Answers the updates of the allowed chats. Others get no answer."""

    def __init__(self, bot: ChatBot, chats: frozenset[int], language: Language, acts: tuple[Perform, Refuse]) -> None:
        self._bot = bot
        self._chats = chats
        self._language = language
        self._said = command_line_words(language)
        self._perform, self._refuse = acts
        self._under_way: set[asyncio.Task[None]] = set()

    def is_allowed(self, said: Said) -> bool:
        """Return whether an update comes from an allowed chat."""
        return said.chat_id in self._chats

    async def refuse(self, said: Said) -> None:
        """Write down a stranger. It gets no answer, so it does not learn whether the bot is alive."""
        if said.chat_id is not None:
            await self._refuse(said.chat_id)

    async def answer(self, fleet: Fleet, said: Said) -> None:
        """Answer an update of an allowed chat. One that cannot be answered keeps no later one waiting.

        Raises:
            Exception: the books are away, so that a press of a button is not judged yet. It is delivered again.
        """
        try:
            if said.press:
                await self._pressed(fleet, said)
            else:
                async with asyncio.timeout(_ANSWERED_WITHIN):
                    await self._asked(fleet, said)
        except ChatError as fault:
            logger.warning("chat_not_answered", extra={"chat": said.chat_id, "cause": str(fault)})
        except Exception as fault:
            if said.press and isinstance(fault, DATABASE_FAULTS):
                raise
            await self._fail(said, fault)

    async def give_up(self, plan: ChatPlan) -> None:
        """Say that an act's outcome is unknown, because its host has died. It is not carried out again."""
        name = self._name(ChatAct(plan.act), plan.worker)
        await self._send(plan.chat_id, self._texts["unknown_outcome"].format(act=name))

    async def finish(self) -> None:
        """Wait for the acts under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def _texts(self) -> Any:
        return self._said["chat"]

    async def _asked(self, fleet: Fleet, said: Said) -> None:
        assert said.chat_id is not None  # noqa: S101 - only allowed chats come here
        command, *words = said.text.split()[:2] or [""]
        name = command.removeprefix("/").partition("@")[0].lower()
        if name in READS:
            await self._bot.send(said.chat_id, await READS[name](fleet, self._language))
        elif name in _ACTS:
            await self._plan(fleet, said.chat_id, _ACTS[name], words[0] if words else ALL_WORKERS)
        else:
            await self._bot.send(said.chat_id, self._texts["help"])

    async def _fail(self, said: Said, fault: Exception) -> None:
        logger.error("chat_answer_failed", extra={"chat": said.chat_id}, exc_info=fault)
        if said.chat_id is not None and not said.press:
            name = one_line(said.text.partition(" ")[0], _LONGEST_NAME)
            await self._send(said.chat_id, self._texts["failed"].format(asked=name, cause=type(fault).__name__))

    async def _plan(self, fleet: Fleet, chat_id: int, act: ChatAct, worker: str) -> None:
        worker = ALL_WORKERS if act is ChatAct.KILL_SWITCH else worker
        held = await fleet.database.positions.held_in(fleet.account_id)
        if act is not ChatAct.KILL_SWITCH:
            try:
                workers = await fleet.selected(worker)
            except OperationError as refusal:
                await self._bot.send(chat_id, self._said.say_parts(str(refusal)))
                return
            held = tuple(each for each in held if each.worker_id in workers)
        stocks = [f"{each.name}({each.symbol}) ×{each.quantity:,}" for each in held]
        code = secrets.token_urlsafe(16)
        plan = ChatPlan(_digest(code), chat_id, act.value, worker)
        await fleet.database.chats.plan(fleet.account_id, plan, VALID_FOR)
        about = {"act": self._name(act, worker), "does": self._said["web_control"]["does"][_WORDS.get(act, act.value)]}
        selling = "" if act is ChatAct.PAUSE else "\n".join(stocks) or self._said["web"]["nothing_held"]
        minutes = int(VALID_FOR.total_seconds() // 60)
        text = self._texts["confirm"].format(**about, stocks=selling, minutes=minutes)
        label = self._said["web_control"]["acts"][_WORDS.get(act, act.value)]
        buttons = ((label, f"{_CONFIRM}:{code}"), (self._said["web_control"]["cancel"], f"{_CANCEL}:{code}"))
        await self._bot.send(chat_id, text.strip(), buttons)

    async def _pressed(self, fleet: Fleet, said: Said) -> None:
        assert said.chat_id is not None  # noqa: S101 - only allowed chats come here
        choice, _, code = said.data.partition(":")
        books, digest = fleet.database.chats, _digest(code)
        if choice != _CONFIRM:
            cancelled = await books.cancel(fleet.account_id, digest, said.chat_id)
            await self._bot.acknowledge(said.press, self._texts["cancelled" if cancelled else "stale"])
            return
        plan = await books.confirm(fleet.account_id, digest, said.chat_id)
        if plan is not None:
            # Begin before the answer: a chat that cannot be reached must not stop a sale.
            task = asyncio.create_task(self._carry_out(fleet, plan))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await self._bot.acknowledge(said.press, self._texts["stale" if plan is None else "under_way"])

    async def _carry_out(self, fleet: Fleet, plan: ChatPlan) -> None:
        act = ChatAct(plan.act)
        try:
            outcome = await self._perform(act, plan.worker, plan.chat_id)
        except OperationError as refusal:
            outcome = str(refusal)
        except Exception as fault:
            logger.exception("chat_act_failed", extra={"act": plan.act})
            outcome = f"{type(fault).__name__}: {fault}"
        with suppress(*DATABASE_FAULTS):  # the outcome counts; without this mark it is given up later
            await fleet.database.chats.ended(fleet.account_id, plan.digest)
        await self._send(plan.chat_id, f"{self._name(act, plan.worker)}\n{self._said.say_parts(outcome)}")

    async def _send(self, chat_id: int, text: str) -> None:
        try:
            await self._bot.send(chat_id, text)
        except ChatError as fault:
            logger.warning("chat_not_answered", extra={"chat": chat_id, "cause": str(fault)})

    def _name(self, act: ChatAct, worker: str) -> str:
        label = self._said["web_control"]["acts"][_WORDS.get(act, act.value)]
        return label if act is ChatAct.KILL_SWITCH else f"{label} · {worker}"


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
