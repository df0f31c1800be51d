"""Executes the schedule: each act at its time, on what is running then; undoes it after its seconds."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx
from temporalio.service import RPCError

from database.errors import DATABASE_FAULTS
from fleet import commands
from runtime.embedded import postgres, simulator, temporal
from security.private_files import write_private
from tools.chaos.broker_side import AT_THE_BROKER, BrokerSide
from tools.chaos.day import Day
from tools.chaos.kinds import FaultKind, Kind
from tools.chaos.moods import Mood
from tools.chaos.processes import Host, HostFailedError, child_of, family_of, send
from tools.chaos.schedule import Act

_UNDONE_WITHIN: Final = 30.0


class NobodyLeftError(Exception):
    """The act would leave no hosting process running."""


_MISSES: Final = (httpx.HTTPError, RPCError, HostFailedError, NobodyLeftError, *DATABASE_FAULTS)
"""Errors that an act can meet because of another act."""

_PART_SIGNALS: Final[Mapping[Kind, tuple[str, int]]] = {
    FaultKind.KILL_TEMPORAL: (temporal.NAME, signal.SIGKILL),
    FaultKind.RESTART_TEMPORAL: (temporal.NAME, signal.SIGTERM),
    FaultKind.KILL_POSTGRES: (postgres.NAME, signal.SIGKILL),
    FaultKind.RESTART_POSTGRES: (postgres.NAME, signal.SIGINT),
    FaultKind.KILL_BROKER: (simulator.NAME, signal.SIGKILL),
}
_MOODS: Final[Mapping[Kind, Mood]] = {FaultKind.STRATEGY_RAISES: Mood.RAISES, FaultKind.STRATEGY_HANGS: Mood.HANGS}
_OTHER_CHANNELS: Final = ("", "json://127.0.0.1:9/another")
_FROZEN_PARTS: Final[Mapping[Kind, str]] = {
    FaultKind.FREEZE_TEMPORAL: temporal.NAME,
    FaultKind.FREEZE_POSTGRES: postgres.NAME,
}


@dataclass(frozen=True, slots=True)
class Deed:
    """Result of an act: its target, or why it missed."""

    act: Act
    fell_upon: str
    missed: bool = False


class Adversary:
    """Injects the faults of one day."""

    def __init__(self, day: Day, broker: BrokerSide) -> None:
        self._hosts = day.hosts
        self._networks = day.networks
        self._parts = day.parts
        self._broker = broker
        self._fleet = day.fleet
        self._pressing: set[asyncio.Task[object]] = set()

    async def play(self, acts: Sequence[Act], opens_at: float, log: Callable[[Deed], None]) -> tuple[Deed, ...]:
        """Do every act at its time; ``opens_at`` is the session's open on the event loop's clock."""
        return tuple(await asyncio.gather(*(self._at_its_time(act, opens_at, log) for act in acts)))

    async def _at_its_time(self, act: Act, opens_at: float, log: Callable[[Deed], None]) -> Deed:
        await asyncio.sleep(opens_at + act.at - asyncio.get_running_loop().time())
        try:
            deed = Deed(act, await self._do(act))
        except _MISSES as why:
            deed = Deed(act, f"missed: {type(why).__name__} {why}".splitlines()[0][:160], missed=True)
        log(deed)
        return deed

    async def _do(self, act: Act) -> str:
        if act.kind in AT_THE_BROKER:
            return await self._at_the_broker(act)
        if act.kind in _PART_SIGNALS:
            name, number = _PART_SIGNALS[act.kind]
            return f"{name} {self._signal_part(name, number)}"
        if act.kind in _FROZEN_PARTS:
            return await self._freeze_part(act)
        deeds: dict[Kind, Callable[[Act], Awaitable[str]]] = {
            FaultKind.KILL_HOST: self._kill_host,
            FaultKind.FREEZE_HOST: self._freeze_host,
            FaultKind.FREEZE_HOST_PAST_LEASE: self._freeze_host,
            FaultKind.RESTART_HOST: self._restart_host,
            FaultKind.OTHER_ALERT_SETTINGS: self._change_alerts,
            FaultKind.CLOCK_DRIFT: self._let_drift,
            FaultKind.LINK_LOST: self._lose_link,
            FaultKind.LATE_DELIVERY: self._deliver_late,
            FaultKind.STRATEGY_RAISES: self._spoil_strategies,
            FaultKind.STRATEGY_HANGS: self._spoil_strategies,
            FaultKind.READ_ONLY_POSTGRES: self._make_read_only,
            FaultKind.KILL_SWITCH: self._press_kill_switch,
        }
        return await deeds[act.kind](act)

    async def _at_the_broker(self, act: Act) -> str:
        fell_upon = await self._broker.do(act)
        await asyncio.sleep(act.seconds)
        await self._broker.undo(act)
        return fell_upon

    def _chosen(self, act: Act) -> Host:
        """Return the act's process.

        Raises:
            NobodyLeftError: no other process is up yet; on a busy machine a start takes longer than planned.
        """
        others = [host for number, host in enumerate(self._hosts) if number != act.host]
        if others and not any(host.is_ready for host in others):
            raise NobodyLeftError(f"only {self._hosts[act.host].name} is up")
        return self._hosts[act.host]

    async def _kill_host(self, act: Act) -> str:
        host = self._chosen(act)
        host.signal(signal.SIGKILL)
        await host.until_ended()
        await asyncio.sleep(act.seconds)
        host.start()
        return f"{host.name}, back after {act.seconds} s"

    async def _freeze_host(self, act: Act) -> str:
        host = self._chosen(act)
        host.signal(signal.SIGSTOP)
        await asyncio.sleep(act.seconds)
        host.signal(signal.SIGCONT)
        return f"{host.name} for {act.seconds} s"

    async def _restart_host(self, act: Act) -> str:
        host = self._chosen(act)
        host.signal(signal.SIGTERM)
        await host.until_ended()
        await asyncio.sleep(act.seconds)
        host.start()
        return host.name

    async def _change_alerts(self, act: Act) -> str:
        """Restart a host with no channel or another one. Alerts belong to the fleet, not to a host."""
        self._chosen(act).alerts = _OTHER_CHANNELS[act.choice < 0.5]
        return f"{await self._restart_host(act)} with {self._hosts[act.host].alerts or 'no channel'}"

    async def _let_drift(self, act: Act) -> str:
        host, rate = self._hosts[act.host], round((act.choice - 0.5) * 2, 2)
        host.drift_file.write_text(str(rate))
        await asyncio.sleep(act.seconds)
        host.drift_file.unlink(missing_ok=True)
        return f"{host.name} by {rate * act.seconds:+.1f} s of the market"

    async def _lose_link(self, act: Act) -> str:
        host, network = self._chosen(act), self._networks[act.host]
        network.cut()
        await asyncio.sleep(act.seconds)
        network.restore()
        return f"{host.name} for {act.seconds} s"

    async def _deliver_late(self, act: Act) -> str:
        host, network = self._chosen(act), self._networks[act.host]
        network.hold()
        await asyncio.sleep(act.seconds)
        network.deliver()
        return f"{host.name} for {act.seconds} s"

    async def _spoil_strategies(self, act: Act) -> str:
        host = self._hosts[act.host]
        write_private(host.mood_file, _MOODS[act.kind])
        await asyncio.sleep(act.seconds)
        host.mood_file.unlink(missing_ok=True)
        return f"{host.name} for {act.seconds} s"

    async def _make_read_only(self, act: Act) -> str:
        """Make the server refuse all writes for a while, as a replica does after a failover."""
        settings = self._hosts[0].log.parent / "postgres" / "postgresql.auto.conf"
        before = settings.read_text()
        settings.write_text(f"{before}default_transaction_read_only = on\n")
        reloaded = self._signal_part(postgres.NAME, signal.SIGHUP)
        await asyncio.sleep(act.seconds)
        settings.write_text(before)
        self._signal_part(postgres.NAME, signal.SIGHUP)
        return f"{reloaded} for {act.seconds} s"

    def _signal_part(self, name: str, number: int) -> str:
        guard = self._parts.guard_of(name)
        pid = child_of(guard) if guard is not None else None
        return f"process {pid}" if send(pid, number) else "was down already"

    async def _freeze_part(self, act: Act) -> str:
        guard = self._parts.guard_of(_FROZEN_PARTS[act.kind])
        pid = child_of(guard) if guard is not None else None
        family = family_of(pid) if pid is not None else []
        for each in family:
            send(each, signal.SIGSTOP)
        await asyncio.sleep(act.seconds)
        for each in family:
            send(each, signal.SIGCONT)
        return f"{len(family)} processes for {act.seconds} s"

    async def _press_kill_switch(self, act: Act) -> str:
        pressing: asyncio.Task[object] = asyncio.create_task(
            commands.press_kill_switch(self._fleet, "chaos", "drawn from the seed")
        )
        self._pressing.add(pressing)
        await asyncio.sleep(act.seconds)
        await self._lift_kill_switch()
        return f"for {act.seconds} s"

    async def _lift_kill_switch(self) -> None:
        now = self._fleet.market_now()
        await self._fleet.database.risk.lift_kill_switch(self._fleet.account_id, "chaos", at=now)
        await commands.command_all(self._fleet, await self._fleet.known_workers(), commands.RESUME)

    async def calm_broker(self, at: float) -> dict[str, int]:
        """Remove all broker faults at an instant of the event loop's clock; return the calls hit per kind."""
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        async with asyncio.timeout(_UNDONE_WITHIN):
            return await _until_it_works(self._broker.calm)

    async def calm(self) -> None:
        """Undo all other faults that are still active."""
        for network in self._networks:
            network.deliver()
        for host in self._hosts:
            host.mood_file.unlink(missing_ok=True)
            host.drift_file.unlink(missing_ok=True)
            host.signal(signal.SIGCONT)
            host.start()
        for host in self._hosts:
            await host.until_ready()
        if self._pressing:
            with suppress(*_MISSES):
                await self._lift_kill_switch()
        for pressing in self._pressing:
            pressing.cancel()
        await asyncio.gather(*self._pressing, return_exceptions=True)


async def _until_it_works(deed: Callable[[], Awaitable[dict[str, int]]]) -> dict[str, int]:
    while True:
        try:
            return await deed()
        except httpx.HTTPError:
            await asyncio.sleep(0.3)
