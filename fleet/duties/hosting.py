"""What every hosting process does beside hosting: keep the account for its fleet, and bring lost workers back."""

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
from reporting.page import Language

logger = logging.getLogger("haru.hosting")

_ACCOUNT_LEASE: Final = timedelta(seconds=30)
_RENEWAL: Final = 10.0
_ROUND: Final = 5.0
_CLOSE_ROUND: Final = 15.0
_CHANNEL_ROUND: Final = 30.0
_DISK_ROUND: Final = 0.5
_KEY_ROUND: Final = 20.0
_ASKED_FROM: Final = time(7)
"""Seoul; what the exchange announces late, and the broker's night work, are over by then."""
_AFTER_A_MISTAKE: Final = 60.0


async def fleet_name(client: Client) -> str:
    """Return the fleet's name: processes on one Temporal namespace are one fleet, whatever machine they run on."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    answer = await client.workflow_service.describe_namespace(request)
    return f"{client.namespace}/{answer.namespace_info.id}"


async def join_fleet(fleet: Fleet, name: str) -> None:
    """Take the account for the fleet, or prolong its hold.

    Raises:
        AccountInUseError: another fleet trades this account (F52).
    """
    await fleet.database.accounts.join(fleet.account_id, name, _ACCOUNT_LEASE)


async def keep_account(fleet: Fleet, name: str) -> None:
    """Prolong the fleet's hold for as long as this process lives.

    Raises:
        AccountInUseError: another fleet has taken the account while the database was out of our reach.
    """
    await _for_ever(_RENEWAL, lambda: join_fleet(fleet, name))


async def bring_back_workers(fleet: Fleet, rules: TradingRules) -> None:
    """Restart the workflow of every worker whose position nobody guards; paused, so that it only holds and sells.

    A worker that still runs is left alone, and so is a position that a scanning worker has adopted meanwhile (F6), or
    that a running close has seized: between two tries of the evening its lease may end.
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
    """See to it, for as long as this process lives, that no session ends without a close unnoticed (F40)."""
    await _for_ever(_CLOSE_ROUND, lambda: see_to_the_close(fleet, rules))


async def keep_schedule(fleet: Fleet, rules: TradingRules) -> None:
    """Keep the times of the close up to date, for as long as this process lives."""
    await _for_ever(_CLOSE_ROUND, ScheduleDuty(fleet, rules).look)


async def watch_over_access(fleet: Fleet, refusal: Callable[[], str]) -> None:
    """Buy nothing, for as long as this process lives, while the broker refuses our keys or token (F31)."""
    await _for_ever(_ROUND, AccessDuty(fleet, refusal).look)


async def report_unreadable_rows(fleet: Fleet, take: Callable[[], Readings]) -> None:
    """Report, for as long as this process lives, which rows of the broker's lists cannot be read."""
    await _for_ever(_ROUND, ReadingDuty(fleet, take).look)


async def watch_over_clock(fleet: Fleet, broker: ComparesClocks, gate: HostGate) -> None:
    """Buy nothing, for as long as this process lives, while this machine's clock is far from the broker's (F44)."""
    await _for_ever(_ROUND, ClockDuty(fleet, broker, gate).look)


async def compare_calendars(fleet: Fleet, day_start: DayStart) -> None:
    """Ask the broker each morning whether today is a session; entries stay shut where it contradicts the calendar."""

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
    """Compare the books each morning and during the day, for as long as this process lives."""
    await _for_ever(_ROUND, BooksDuty(fleet, books, trouble).look)


async def compare_limits(duty: WorthDuty) -> None:
    """Compare the limits with what the account holds each day, for as long as this process lives."""
    await _for_ever(_CLOSE_ROUND, duty.look)


async def notice_outages(fleet: Fleet, direct: DirectAlerts) -> None:
    """Report, for as long as this process lives, that PostgreSQL is away, and write it down once it is back."""
    duty = OutageDuty(fleet, direct)
    while True:
        await asyncio.sleep(_ROUND)
        await duty.look()


async def notice_silences(fleet: Fleet, direct: DirectAlerts, silent_for: Callable[[], float]) -> None:
    """Report, for as long as this process lives, that Temporal or the broker does not answer."""
    temporal, broker = TemporalDuty(fleet, direct), BrokerDuty(fleet, direct, silent_for)
    await first_to_end(_for_ever(_ROUND, temporal.look), _for_ever(_ROUND, broker.look))


async def keep_keys_known(hold: KeyHold) -> None:
    """Say, for as long as this process lives, which keys of what crosses Temporal it knows."""
    await _for_ever(_KEY_ROUND, hold.join)


async def report_refusals(duty: RefusalDuty) -> None:
    """Report, for as long as this process lives, what did not prove to come from the fleet."""
    await _for_ever(_ROUND, duty.look)


async def keep_host_known(duty: HostDuty) -> None:
    """Keep this process's heartbeat in the books, and report other hosts that have died, while this process lives."""
    await _for_ever(_ROUND, duty.look)


async def keep_audit_log(write: Callable[[], Awaitable[None]]) -> None:
    """Write commands that had to wait into the audit log, for as long as this process lives."""
    await _for_ever(_ROUND, write)


async def ping_while_well(fleet: Fleet, url: str) -> None:
    """Ping the dead-man's switch each minute, for as long as this process lives and all is well."""

    async def unwatched() -> list[Symbol]:
        return [position.symbol for position in await _unguarded(fleet) if position.quantity]

    await Heartbeat(fleet, url, unwatched).keep()


async def watch_over_disk(duty: DiskDuty) -> None:
    """Report and act, for as long as this process lives, while the disk of the embedded parts is nearly full."""
    await first_to_end(_for_ever(_DISK_ROUND, duty.look), _for_ever(_DISK_ROUND, duty.sell))


async def watch_over_channels(fleet: Fleet, known: Sequence[str]) -> None:
    """Report, for as long as this process lives, channels for alerts that no host can send to."""
    await _for_ever(_CHANNEL_ROUND, ChannelDuty(fleet, known).look)


async def watch_over_stream(fleet: Fleet) -> None:
    """Report, for as long as this process lives, a stream that is away, and what it says against the calendar."""
    await first_to_end(_for_ever(_ROUND, StreamDuty(fleet).look), _for_ever(_ROUND, PhaseDuty(fleet).look))


async def report_failing_workflows(fleet: Fleet) -> None:
    """Report, for as long as this process lives, workflows of the account that cannot progress."""
    await _for_ever(_ROUND, FailingDuty(fleet).look)


async def report_foreign_objects(fleet: Fleet) -> None:
    """Report, for as long as this process lives, objects at Temporal that are not ours."""
    await _for_ever(_CHANNEL_ROUND, ForeignDuty(fleet).look)


async def keep_reports(fleet: Fleet, folder: Path, language: Language) -> None:
    """Write the page of each session after its close, for as long as this process lives."""
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
    """Act again and again; what the database or Temporal cannot do now is tried again next time.

    A mistake in one duty is shouted about and costs that duty a minute, never the process that watches positions.
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
