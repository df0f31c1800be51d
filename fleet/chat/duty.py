"""Poll the bot's updates. One host of the fleet polls at a time; another takes over when it dies."""

from datetime import timedelta
from typing import Final

from domain.event import EventLevel
from fleet.chat.bot import ChatBot
from fleet.chat.desk import ChatDesk
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

LEASE: Final = timedelta(seconds=40)
"""Real time after which another host polls for a dead one; longer than a poll."""
_WAIT: Final = 15
"""Seconds that a poll waits for news."""
_GIVEN_UP_AFTER: Final = timedelta(minutes=5)
"""Real time after which a confirmed act has no host any more. A commanded sale is reported within two minutes."""
_MOST: Final = 5
"""Updates that one round answers; the rest is delivered again."""


class ChatDuty:
    """Answer updates in their order. An answered one is recorded, so that no delivery of it counts twice."""

    terms = Terms("chat", every=1.0, within=120.0, level=EventLevel.WARNING)

    def __init__(self, fleet: Fleet, bot: ChatBot, desk: ChatDesk, owner: str, wait: int = _WAIT) -> None:
        self._fleet = fleet
        self._bot = bot
        self._desk = desk
        self._owner = owner
        self._wait = wait
        self._next: int | None = None

    async def look(self) -> None:
        """Poll once if this host holds the lease.

        Raises:
            ChatError: Telegram does not answer, or refuses the bot. The runner tries again with growing delays.
        """
        fleet, chats = self._fleet, self._fleet.database.chats
        if not await chats.hold(fleet.account_id, self._owner, LEASE):
            self._next = None
            return
        for plan in await chats.give_up(fleet.account_id, _GIVEN_UP_AFTER):
            await self._desk.give_up(plan)
        answered = 0
        for said in await self._bot.updates(self._next, self._wait):
            if not self._desk.is_allowed(said):
                await self._desk.refuse(said)
            elif answered == _MOST:
                break
            elif not await chats.is_done(fleet.account_id, self._bot.number, said.update_id):
                if not await chats.hold(fleet.account_id, self._owner, LEASE):
                    return  # the answers before it took too long: another host polls now
                answered += 1
                await self._desk.answer(fleet, said)
                await chats.done(fleet.account_id, self._bot.number, said.update_id)
            self._next = said.update_id + 1
