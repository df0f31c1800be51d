"""The chat's commands as the command line carries them out: the same Updates, the same rows of the audit log."""

import asyncio
import socket
import uuid
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain.audit_log import Outcome
from domain.identity import ALL_WORKERS
from domain.masking import Masking
from fleet import commands
from fleet.errors import OperationError
from fleet.fleet import Fleet
from runtime.auditing import Audit
from runtime.settings import Settings

if TYPE_CHECKING:
    from fleet.chat.bot import ChatBot
    from fleet.chat.desk import ChatAct
    from fleet.chat.duty import ChatDuty

NOT_INSTALLED: Final = (
    "HARU_TELEGRAM__TOKEN is set, but python-telegram-bot is not installed: `pip install 'haru[telegram]'`, "
    "or unset the token"
)
_EACH_STRANGER: Final = 3600.0
"""Real seconds between two rows about one stranger."""
_STRANGERS_AN_HOUR: Final = 20


def chat_bot(settings: Settings) -> "ChatBot | None":
    """Return the configured bot; None without a token.

    Raises:
        OperationError: the library is missing.
    """
    telegram = settings.telegram
    if telegram.token is None:
        return None
    try:
        from fleet.chat.bot import ChatBot  # noqa: PLC0415 - an extra that most users do not have
    except ImportError:
        raise OperationError(NOT_INSTALLED) from None
    return ChatBot(telegram.token.get_secret_value(), telegram.base_url, Masking(settings.secrets()))


def chat_duty(settings: Settings, fleet: Fleet) -> "ChatDuty | None":
    """Return the duty that obeys the allowed chats; None without a token.

    Raises:
        OperationError: the library is missing.
    """
    bot = chat_bot(settings)
    if bot is None:
        return None
    from fleet.chat.desk import ChatDesk  # noqa: PLC0415 - needs the extra
    from fleet.chat.duty import ChatDuty  # noqa: PLC0415

    acts = (ChatPerformer(fleet).perform, Strangers(fleet).note)
    desk = ChatDesk(bot, frozenset(settings.telegram.chats), settings.alerts.language, acts)
    return ChatDuty(fleet, bot, desk, f"{socket.gethostname()}/{uuid.uuid4().hex[:8]}")


class ChatPerformer:
    """Carries out the acts of chats."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def perform(self, act: "ChatAct", worker: str, chat_id: int) -> str:
        """Carry out an act; return a line for each worker.

        Raises:
            OperationError: there is no such worker.
        """
        program = f"telegram chat {chat_id}"
        is_switch = act.value == "killswitch"
        audit = Audit(program, ["kill-switch", "on"] if is_switch else [act.value, worker])
        fleet, outcomes = replace(self._fleet, command_id=audit.command_id), list[commands.CommandOutcome]()
        forgiving = worker == ALL_WORKERS

        async def carry_out() -> int:
            if is_switch:
                outcomes.extend(await commands.press_kill_switch(fleet, program, "chat"))
            else:
                sent = commands.liquidate() if act.value == "liquidate" else commands.PAUSE
                outcomes.extend(await commands.command_all(fleet, await fleet.selected(worker), sent))
            outcome, reason = commands.concluded(outcomes, forgiving=forgiving)
            if outcome is not Outcome.ACCEPTED:
                await audit.conclude(outcome, reason)
            return 0 if outcome is Outcome.ACCEPTED else 1

        await audit.around(carry_out, fleet)
        first = ["Kill switch on: nothing more is bought."] if is_switch else []
        return "\n".join([*first, *map(commands.in_words, outcomes)])


class Strangers:
    """Writes a row of the audit log about each stranger's chat, so seldom that a flood cannot fill the log."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._noted: OrderedDict[int, float] = OrderedDict()

    async def note(self, chat_id: int) -> None:
        """Write a row, unless this stranger has one of the last hour or the hour is full of them."""
        now = asyncio.get_running_loop().time()
        while self._noted and next(iter(self._noted.values())) <= now - _EACH_STRANGER:
            self._noted.popitem(last=False)
        if chat_id in self._noted or len(self._noted) >= _STRANGERS_AN_HOUR:
            return
        self._noted[chat_id] = now
        audit = Audit(f"telegram chat {chat_id}", ["telegram"])

        async def refuse() -> int:
            await audit.conclude(Outcome.REFUSED, f"chat {chat_id} is not in HARU_TELEGRAM__CHATS")
            return 1

        await audit.around(refuse, self._fleet)
