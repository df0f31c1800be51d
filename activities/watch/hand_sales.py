"""Sales by the account's owner of any position of a shard: one check a minute, beside the loop."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from activities.account.beside import less_hand_sales
from activities.account.foreign_sales import LOOK_FOR_HAND_SALES, ForeignSales
from activities.support.pace import Every, answer_or_news, note_failure
from activities.watch.judging import Watched
from domain.position import OpenPosition

if TYPE_CHECKING:
    from activities.support.pace import Pace

Checked = tuple[Watched, OpenPosition, OpenPosition | None]
"""A position, as it was at the check, and what is left of it; None when all of it is sold."""


class ShardHandSales:
    """Checks all positions in turn; the process reads its balance once for all of them."""

    def __init__(self, foreign_sales: ForeignSales, pace: "Pace") -> None:
        self._foreign_sales = foreign_sales
        self._due = Every(pace, LOOK_FOR_HAND_SALES, LOOK_FOR_HAND_SALES)
        self._looking: asyncio.Task[list[Checked]] | None = None

    async def look(self, watched: Sequence[Watched], news: asyncio.Event, at_most: timedelta) -> list[Checked]:
        """Return what a check found; one that takes longer than ``at_most`` (real time) sets ``news`` when it ends."""
        if self._looking is None:
            if not watched or not self._due.is_due():
                return []
            self._looking = asyncio.create_task(self._check(watched))
            self._looking.add_done_callback(lambda _: news.set())
            await answer_or_news(self._looking, news, at_most)
        if not self._looking.done():
            return []
        looking, self._looking = self._looking, None
        return looking.result()

    def give_up(self) -> None:
        """Cancel the running check."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking.add_done_callback(note_failure)

    async def _check(self, watched: Sequence[Watched]) -> list[Checked]:
        positions = [(each, each.position) for each in watched]
        return [(each, before, await less_hand_sales(self._foreign_sales, before)) for each, before in positions]
