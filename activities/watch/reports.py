"""What a shard's watch writes for display and for its next attempt; no decision waits for it."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from activities.support.pace import Every
from activities.watch.judging import Watched
from domain.watch import PriceMark

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

_MARKS_EVERY: Final = timedelta(seconds=1)


class WatchReports:
    """Writes marks in one statement a second, and the starts of sales that moved."""

    def __init__(self, database: "Database", pace: "Pace", shard: str) -> None:
        self._database = database
        self._pace = pace
        self._shard = shard
        self._marking = Every(pace, _MARKS_EVERY)
        self._writing: asyncio.Task[None] | None = None

    async def write_last(self, mark: PriceMark) -> None:
        """Write the last mark of a position whose watch ends."""
        write = partial(self._database.price_marks.write, [mark])
        await self._database.reports.write("price_mark", mark.position_id, write)

    async def write(self, judged: Sequence[Watched], held: Iterable[Watched], *, is_busy: bool) -> None:
        """Begin the writes that are due, and wait for them only briefly; later while a sale is being sent."""
        for each in judged:
            if each.is_trusted:
                await each.alarm.look(each.position, is_trusted=True)
        if is_busy or (self._writing is not None and not self._writing.done()):
            return
        moved = [each for each in judged if each.is_trusted and each.start.has_moved(self._pace)]
        blind = [each for each in judged if not each.is_trusted]
        marks = self._marks(held) if self._marking.is_due() else []
        if moved or blind or marks:
            self._writing = asyncio.create_task(self._write(moved, blind, marks))
            await asyncio.wait([self._writing], timeout=self._database.reports.patience)

    async def finish(self) -> None:
        """Give the writes under way a moment."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=self._database.reports.patience)
            self._writing.cancel()

    def _marks(self, held: Iterable[Watched]) -> list[PriceMark]:
        marks = [each.mark for each in held if each.mark is not None]
        for each in held:
            each.mark = None
        return marks

    async def _write(self, moved: Sequence[Watched], blind: Sequence[Watched], marks: Sequence[PriceMark]) -> None:
        reports = self._database.reports
        for each in moved:
            await reports.write("sale_start", each.position.position_id, partial(each.start.keep, self._database))
        if marks:
            write = partial(self._database.price_marks.write, marks)
            await reports.write("price_marks", self._shard, write)
        for each in blind:
            await each.alarm.look(each.position, is_trusted=False)
