"""Watch the disk: warn early, shut entries before it is full, and sell holdings while sales can still be written.

A full disk stops PostgreSQL and Temporal, and with them every sale. This duty therefore acts while there is room.
"""

import asyncio
import logging
import socket
from typing import Final

from activities.support.host_gate import HostGate
from database.errors import DATABASE_FAULTS
from domain.event import Event, EventLevel
from domain.events.machines import disk_has_room, disk_low
from domain.room import MEGABYTE, Room, RoomLevels, room_at
from domain.session import session_date_of
from fleet.alerting.direct import DirectAlerts
from fleet.commands import command_all, liquidate
from fleet.duties.data_disk import DataDisk
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_WRITTEN_WITHIN: Final = 5.0
_LEVELS: Final = {Room.SCARCE: EventLevel.WARNING, Room.SHORT: EventLevel.ERROR, Room.LAST: EventLevel.CRITICAL}


class DiskDuty:
    """Measure the disks of the data folder and act on the free space."""

    terms = Terms("disk", every=0.5, within=180.0, level=EventLevel.CRITICAL)

    def __init__(
        self, fleet: Fleet, disk: DataDisk, gate: HostGate, direct: DirectAlerts, levels: RoomLevels | None = None
    ) -> None:
        self._fleet = fleet
        self._disk = disk
        self._gate = gate
        self._direct = direct
        self._levels = levels or RoomLevels()
        self._room = Room.ENOUGH
        self._unwritten: list[Event] = []
        self._is_open = False
        self._gave_up = False
        self._looks_to_wait = 0

    async def look(self) -> None:
        """Measure; release reserved space, shut or open entries, report a change.

        Actions that need no database come first: the gate of this process, room for the sales, the direct alert. The
        checkpoint comes last, because it may take long.
        """
        free = await asyncio.to_thread(self._disk.free)
        before, self._room = self._room, room_at(free, self._levels, self._room)
        self._gave_up = self._gave_up or self._room is Room.NONE
        self._gate.closed_because = shut_because() if self._is_shut else ""
        if self._room is Room.NONE:
            _log_given_up(await asyncio.to_thread(self._disk.give_up_ballast))
        if max(self._room, Room.LAST) != max(before, Room.LAST):
            self._note(free, before)
        await self._write_down()
        if self._room <= Room.LAST < before:
            await self._shorten_logs()
        await self._keep_ballast(free)

    async def sell(self) -> None:
        """While the last room is used up, command each worker that holds shares to sell them, which pauses it.

        Measure the disk again first: a file system may report no room for a moment, and a sale cannot be undone.
        """
        fleet, now = self._fleet, self._fleet.market_now()
        session = fleet.plan_of_the_day(now).session
        if self._room > Room.LAST or not session.opens_at <= now < session.ends_at:
            return
        if room_at(await asyncio.to_thread(self._disk.free), self._levels, self._room) > Room.LAST:
            return
        held = await fleet.database.positions.held_in(fleet.account_id)
        workers = sorted({position.worker_id for position in held})
        if workers:
            logger.critical("selling_for_a_full_disk", extra={"workers": len(workers)})
            for outcome in await command_all(fleet, workers, liquidate()):
                logger.warning("sale_commanded", extra={"worker": outcome.worker_id, "verdict": outcome.verdict})

    @property
    def _is_shut(self) -> bool:
        """Return whether entries must stay shut: too little room, or the ballast that sales need is not restored."""
        return self._room <= Room.SHORT or self._gave_up

    async def _shorten_logs(self) -> None:
        _log_given_up(await asyncio.to_thread(self._disk.give_up_logs))
        try:
            async with asyncio.timeout(_WRITTEN_WITHIN):
                await self._fleet.database.server.checkpoint()
        except (*DATABASE_FAULTS, TimeoutError) as fault:
            logger.warning("log_not_shortened", extra={"cause": f"{type(fault).__name__}: {fault}"})

    async def _keep_ballast(self, free: int) -> None:
        """Write the ballast when there is room for it. Entries open in the round after it is restored."""
        self._looks_to_wait = max(self._looks_to_wait - 1, 0) if self._room > Room.SHORT else self._levels.calm
        if self._disk.has_ballast():
            self._gave_up = False
        elif not self._looks_to_wait and room_at(free - self._disk.ballast, self._levels, self._room) > Room.SHORT:
            is_kept = await asyncio.to_thread(self._disk.keep_ballast)
            self._gave_up = self._gave_up and not is_kept
            self._looks_to_wait = 0 if is_kept else self._levels.calm

    def _note(self, free: int, before: Room) -> None:
        logger.warning("disk_room_changed", extra={"room": self._room.name, "megabytes": free // MEGABYTE})
        event = self._event(free) if self._room < before or self._room <= Room.SHORT else self._relief(free)
        self._unwritten.append(event)
        if self._room <= Room.LAST:
            self._direct.send(event)

    def _event(self, free: int) -> Event:
        megabytes, folder = free // MEGABYTE, self._disk.folder
        needed = (self._levels.short * 4 // 3 + self._disk.ballast) // MEGABYTE
        if self._room <= Room.LAST:
            why = f"{megabytes} MB are free at {folder}: positions are being sold; free space, then resume the workers"
        elif self._room is Room.SHORT:
            why = f"{megabytes} MB are free at {folder}: no entries until {needed} MB are free"
        else:
            why = f"{megabytes} MB are free at {folder}; free disk space before trading stops"
        level = _LEVELS[max(self._room, Room.LAST)]
        return disk_low(self._fleet.account_id, socket.gethostname(), level, why, self._fleet.market_now())

    def _relief(self, free: int) -> Event:
        why = f"{free // MEGABYTE} MB are free again at {self._disk.folder}"
        return disk_has_room(self._fleet.account_id, socket.gethostname(), why, self._fleet.market_now())

    async def _write_down(self) -> None:
        """Write gate and events to the database. Events that it does not accept are sent directly and written later."""
        try:
            async with asyncio.timeout(_WRITTEN_WITHIN):
                await self._turn_gate()
                while self._unwritten:
                    await self._fleet.database.events.append(self._unwritten[0])
                    del self._unwritten[0]
        except (*DATABASE_FAULTS, TimeoutError):
            for event in self._unwritten:
                self._direct.send(event)
            raise

    async def _turn_gate(self) -> None:
        fleet, now = self._fleet, self._fleet.market_now()
        day, because = session_date_of(now), shut_because()
        if self._is_shut:
            self._is_open = False
            if because not in await fleet.database.risk.closed_because(fleet.account_id, day):
                await fleet.database.risk.close_entries(fleet.account_id, day, because, now)
        elif not self._is_open:
            await fleet.database.risk.reopen_entries(fleet.account_id, day, because)
            self._is_open = True


class DiskSaleDuty:
    """Sell holdings while the last room is used up. A round of its own: a sale does not delay the measurement."""

    terms = Terms("disk_sale", every=0.5, within=300.0, level=EventLevel.CRITICAL)

    def __init__(self, disk: DiskDuty) -> None:
        self._disk = disk

    async def look(self) -> None:
        """Command the sale where it is due."""
        await self._disk.sell()


def _log_given_up(freed: int) -> None:
    if freed:
        logger.critical("disk_room_given_up", extra={"megabytes": freed // MEGABYTE})


def shut_because() -> str:
    """Return the cause under which this machine shuts entries. Each machine's disk has its own cause."""
    return f"the disk of {socket.gethostname()} is nearly full"
