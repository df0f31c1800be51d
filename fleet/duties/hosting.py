"""Duties of every hosting process beside hosting: keep the account for its fleet, and restart lost workers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.account.day_start import DayStart
from activities.account.session_books import SessionBooks
from activities.closing import CLOSER
from activities.support.host_gate import HostGate
from database.errors import DATABASE_FAULTS, AccountInUseError
from domain.clock import in_seoul
from domain.errors import TradingError
from domain.event import Event, EventLevel
from domain.market import Symbol
from domain.position import OpenPosition
from domain.rules import TradingRules
from domain.session import session_date_of
from domain.unreadable import Readings
from domain.worker_state import WorkerLife
from fleet.alerting.direct import DirectAlerts
from fleet.duties.access import AccessDuty
from fleet.duties.account_worth import WorthDuty
from fleet.duties.books import BooksDuty
from fleet.duties.channels import ChannelDuty
from fleet.duties.clock import ClockDuty, ComparesClocks
from fleet.duties.close import is_closing, see_to_the_close
from fleet.duties.disk import DiskDuty
from fleet.duties.failing import FailingDuty
from fleet.duties.heartbeat import Heartbeat
from fleet.duties.host import HostDuty
from fleet.duties.key_hold import KeyHold
from fleet.duties.outage import OutageDuty
from fleet.duties.phase import PhaseDuty
from fleet.duties.reach import BrokerDuty, TemporalDuty
from fleet.duties.reading import ReadingDuty
from fleet.duties.refusal import RefusalDuty
from fleet.duties.report import ReportDuty
from fleet.duties.schedule import ScheduleDuty
from fleet.duties.stream import StreamDuty
from fleet.fleet import Fleet
from fleet.foreign import ForeignDuty
from fleet.starting import bring_back
from fleet.together import first_to_end
from reporting.sentences import Language

logger = logging.getLogger("haru.hosting")

_ACCOUNT_LEASE: Final = timedelta(seconds=30)
_RENEWAL: Final = 10.0
_ROUND: Final = 5.0
_CLOSE_ROUND: Final = 15.0
_CHANNEL_ROUND: Final = 30.0
_DISK_ROUND: Final = 0.5
_KEY_ROUND: Final = 20.0
_ASKED_FROM: Final = time(7)
"""Seoul time. Late announcements of the exchange and the broker's night work are over by then."""
_AFTER_A_MISTAKE: Final = 60.0


async def fleet_name(client: Client) -> str:
    """Return the fleet's name. Processes on one Temporal namespace are one fleet, on any machine."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    answer = await client.workflow_service.describe_namespace(request)
    return f"{client.namespace}/{answer.namespace_info.id}"


async def join_fleet(fleet: Fleet, name: str) -> None:
    """Take the account for the fleet, or extend its hold.

    Raises:
        AccountInUseError: another fleet trades this account (F52).
    """
    await fleet.database.accounts.join(fleet.account_id, name, _ACCOUNT_LEASE)


async def keep_account(fleet: Fleet, name: str) -> None:
    """Extend the fleet's hold until this process ends.

    Raises:
        AccountInUseError: another fleet took the account while the database was unreachable.
    """
    await _for_ever(_RENEWAL, lambda: join_fleet(fleet, name))


async def bring_back_workers(fleet: Fleet, rules: TradingRules) -> None:
    """Restart the workflow of every worker with an unguarded position. It starts paused, so it only holds and sells.

    Skip workers that still run, positions that a scanning worker has adopted meanwhile (F6), and positions that a
    running close has seized: between two attempts of the evening its lease may end.
    """

    async def look() -> None:
        for position in await _unguarded(fleet):
            life = WorkerLife(fleet.account_id, position.worker_id, rules, fleet.clock, paused=True)
            if await bring_back(fleet, life):
                logger.warning("worker_brought_back", extra={"worker": position.worker_id})
                event = _brought_back(fleet, position)
                await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))
        for worker_id in await fleet.database.locks.lost_openings(fleet.account_id):
            await bring_back(fleet, WorkerLife(fleet.account_id, worker_id, rules, fleet.clock, paused=True))

    await _for_ever(_ROUND, look)


async def keep_closing(fleet: Fleet, rules: TradingRules) -> None:
    """Ensure, until this process ends, that no session ends without a close unnoticed (F40)."""
    await _for_ever(_CLOSE_ROUND, lambda: see_to_the_close(fleet, rules))


async def keep_schedule(fleet: Fleet, rules: TradingRules) -> None:
    """Keep the times of the close up to date until this process ends."""
    await _for_ever(_CLOSE_ROUND, ScheduleDuty(fleet, rules).look)


async def watch_over_access(fleet: Fleet, refusal: Callable[[], str]) -> None:
    """Shut entries while the broker refuses our keys or token, until this process ends (F31)."""
    await _for_ever(_ROUND, AccessDuty(fleet, refusal).look)


async def report_unreadable_rows(fleet: Fleet, take: Callable[[], Readings]) -> None:
    """Report unreadable rows of the broker's lists until this process ends."""
    await _for_ever(_ROUND, ReadingDuty(fleet, take).look)


async def watch_over_clock(fleet: Fleet, broker: ComparesClocks, gate: HostGate) -> None:
    """Shut entries while this machine's clock is far from the broker's, until this process ends (F44)."""
    await _for_ever(_ROUND, ClockDuty(fleet, broker, gate).look)


async def compare_calendars(fleet: Fleet, day_start: DayStart) -> None:
    """Ask the broker each morning whether today is a session. Entries stay shut where it contradicts the calendar."""

    async def look() -> None:
        now = in_seoul(fleet.market_now())
        if now.time() < _ASKED_FROM:
            return
        try:
            await day_start.compare(fleet.account_id, now.date())
        except TradingError as fault:
            logger.warning("calendar_not_compared_yet", extra={"cause": str(fault)})

    await _for_ever(_ROUND, look)


async def compare_books(fleet: Fleet, books: SessionBooks, trouble: Callable[[], str]) -> None:
    """Compare the books each morning and during the day, until this process ends."""
    await _for_ever(_ROUND, BooksDuty(fleet, books, trouble).look)


async def compare_limits(duty: WorthDuty) -> None:
    """Compare the limits with the account's worth each day, until this process ends."""
    await _for_ever(_CLOSE_ROUND, duty.look)


async def notice_outages(fleet: Fleet, direct: DirectAlerts) -> None:
    """Report outages of PostgreSQL until this process ends, and record each once it is over."""
    duty = OutageDuty(fleet, direct)
    while True:
        await asyncio.sleep(_ROUND)
        await duty.look()


async def notice_silences(fleet: Fleet, direct: DirectAlerts, silent_for: Callable[[], float]) -> None:
    """Report that Temporal or the broker does not answer, until this process ends."""
    temporal, broker = TemporalDuty(fleet, direct), BrokerDuty(fleet, direct, silent_for)
    await first_to_end(_for_ever(_ROUND, temporal.look), _for_ever(_ROUND, broker.look))


async def keep_keys_known(hold: KeyHold) -> None:
    """Record which payload encryption keys this process knows, until it ends."""
    await _for_ever(_KEY_ROUND, hold.join)


async def report_refusals(duty: RefusalDuty) -> None:
    """Report messages that could not prove their origin in the fleet, until this process ends."""
    await _for_ever(_ROUND, duty.look)


async def keep_host_known(duty: HostDuty) -> None:
    """Record this process's heartbeat, and report other hosts that have died, until this process ends."""
    await _for_ever(_ROUND, duty.look)


async def keep_audit_log(write: Callable[[], Awaitable[None]]) -> None:
    """Write delayed commands into the audit log until this process ends."""
    await _for_ever(_ROUND, write)


async def ping_while_well(fleet: Fleet, url: str) -> None:
    """Ping the dead-man's switch each minute while all is well, until this process ends."""

    async def unwatched() -> list[Symbol]:
        return [position.symbol for position in await _unguarded(fleet) if position.quantity]

    await Heartbeat(fleet, url, unwatched).keep()


async def watch_over_disk(duty: DiskDuty) -> None:
    """Report and act while the disk of the embedded parts is nearly full, until this process ends."""
    await first_to_end(_for_ever(_DISK_ROUND, duty.look), _for_ever(_DISK_ROUND, duty.sell))


async def watch_over_channels(fleet: Fleet, known: Sequence[str]) -> None:
    """Report alert channels that no host can send to, until this process ends."""
    await _for_ever(_CHANNEL_ROUND, ChannelDuty(fleet, known).look)


async def watch_over_stream(fleet: Fleet) -> None:
    """Report a missing stream and its contradictions of the calendar, until this process ends."""
    await first_to_end(_for_ever(_ROUND, StreamDuty(fleet).look), _for_ever(_ROUND, PhaseDuty(fleet).look))


async def report_failing_workflows(fleet: Fleet) -> None:
    """Report workflows of the account that cannot progress, until this process ends."""
    await _for_ever(_ROUND, FailingDuty(fleet).look)


async def report_foreign_objects(fleet: Fleet) -> None:
    """Report foreign objects at Temporal until this process ends."""
    await _for_ever(_CHANNEL_ROUND, ForeignDuty(fleet).look)


async def keep_reports(fleet: Fleet, folder: Path, language: Language) -> None:
    """Write the report page of each session after its close, until this process ends."""
    await _for_ever(_ROUND, ReportDuty(fleet, folder, language).look)


def _brought_back(fleet: Fleet, position: OpenPosition) -> Event:
    now = fleet.market_now()
    return Event(
        fleet.account_id,
        "worker_brought_back",
        EventLevel.WARNING,
        now,
        session_date=session_date_of(now),
        worker_id=position.worker_id,
        symbol=position.symbol,
        detail={"position_id": position.position_id},
        key=f"brought_back/{position.position_id}/{now:%Y%m%d%H%M}",
    )


async def _unguarded(fleet: Fleet) -> list[OpenPosition]:
    symbols = set(await fleet.database.locks.orphans(fleet.account_id))
    if symbols and await is_closing(fleet):
        symbols -= await fleet.database.locks.last_held_by(fleet.account_id, CLOSER)
    if not symbols:
        return []
    live = await fleet.database.positions.live_in(fleet.account_id)
    return [position for position in live if position.symbol in symbols]


async def _for_ever(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Run an action repeatedly. A fault of the database or Temporal is retried in the next round.

    A bug in one duty is logged as an error and delays that duty by a minute. It never stops the process that watches
    positions.
    """
    pause = seconds
    while True:
        await asyncio.sleep(pause)
        pause = seconds
        try:
            await act()
        except AccountInUseError:
            raise
        except (*DATABASE_FAULTS, RPCError) as fault:
            logger.warning("hosting_duty_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
        except Exception:
            logger.exception("hosting_duty_failed")
            pause = max(seconds, _AFTER_A_MISTAKE)
