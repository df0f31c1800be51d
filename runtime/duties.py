"""The duties of a host, in the order in which they start. They stop in reverse: the account's hold ends last."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from activities.account.day_start import DayStart
from activities.support.host_gate import HostGate
from broker.kis.broker import KisBroker
from domain.dangers import Dangers
from domain.money import Won
from fleet.alerting.direct import DirectAlerts
from fleet.duties.access import AccessDuty
from fleet.duties.account import AccountDuty
from fleet.duties.account_worth import WorthDuty
from fleet.duties.books import BooksDuty
from fleet.duties.calendar import CalendarDuty
from fleet.duties.channels import ChannelDuty
from fleet.duties.clock import ClockDuty
from fleet.duties.close import CloseDuty
from fleet.duties.data_disk import DataDisk
from fleet.duties.digests import DigestDuty
from fleet.duties.direct_steps import Acts
from fleet.duties.disk import DiskDuty, DiskSaleDuty
from fleet.duties.duty import Duty
from fleet.duties.failing import FailingDuty
from fleet.duties.foreign import ForeignDuty
from fleet.duties.heartbeat import Heartbeat
from fleet.duties.host import HostDuty
from fleet.duties.key_hold import KeyHold
from fleet.duties.lost_workers import LostWorkersDuty, unwatched
from fleet.duties.market_watch import MarketWatchDuty
from fleet.duties.outage import OutageDuty
from fleet.duties.phase import PhaseDuty
from fleet.duties.reach import BrokerDuty, TemporalDuty
from fleet.duties.reading import ReadingDuty
from fleet.duties.refusal import RefusalDuty
from fleet.duties.release import ReleaseDuty
from fleet.duties.report import ReportDuty
from fleet.duties.retention import RetentionDuty
from fleet.duties.schedule import ScheduleDuty
from fleet.duties.strategies import StrategyDuty
from fleet.duties.stream import StreamDuty
from fleet.duties.trade_messages import TradeMessageDuty
from fleet.duties.unattended_sales import UnattendedSalesDuty
from fleet.fleet import Fleet
from runtime.auditing import AuditDuty
from runtime.embedded.finding import needs_of
from runtime.live_dangers import account_dangers, unaccepted
from runtime.metrics import MetricsDuty
from runtime.settings import Settings
from runtime.tracing.parts import Tracing
from security.sealing.refusals import Refusals

_DISKS: Final = ("postgres", "postgres/pg_wal")
"""Folders of the embedded parts, inside the data folder, that an operator may put on another disk."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What this host has registered in the fleet: the account's hold, its keys, itself, its strategies."""

    account: AccountDuty
    keys: KeyHold
    host: HostDuty
    strategies: StrategyDuty
    release: ReleaseDuty | None = None
    """None: the server has no Worker Versioning, or this key may not use it."""

    async def leave(self) -> None:
        """Record that this host ends normally."""
        await self.host.leave()
        await self.keys.leave()


@dataclass(frozen=True, slots=True)
class HostParts:
    """What the duties of one host work with."""

    settings: Settings
    fleet: Fleet
    membership: Membership
    broker: KisBroker
    day_start: DayStart
    gate: HostGate
    direct: DirectAlerts
    channels: tuple[str, ...]
    """Digests of the alert channels that this host has addresses for."""
    refusals: Refusals
    chat: Duty | None
    """What the allowed chats may ask and command; None without a token."""
    acts: Acts
    """The activities, by name, for sales without Temporal."""
    traces: Tracing = field(default_factory=Tracing)


def duties_of(parts: HostParts) -> list[Duty]:
    """Return the duties that the settings ask for. The runner leaves out those of another environment."""
    return [*_of_the_host(parts), *_of_the_fleet(parts), *_of_the_account(parts)]


def _of_the_host(parts: HostParts) -> Iterator[Duty]:
    settings, fleet, direct, membership = parts.settings, parts.fleet, parts.direct, parts.membership
    yield membership.account
    yield membership.host
    yield membership.keys
    yield membership.strategies
    if membership.release is not None:
        yield membership.release
    yield AuditDuty(settings, fleet)
    if parts.chat is not None:
        yield parts.chat
    yield ChannelDuty(fleet, parts.channels)
    yield OutageDuty(fleet, direct, parts.gate)
    yield TemporalDuty(fleet, direct)
    yield BrokerDuty(fleet, direct, lambda: parts.broker.silent_for)
    yield RefusalDuty(fleet, parts.refusals)
    if settings.telemetry.prometheus_address:
        yield MetricsDuty(fleet, membership.host.host_id, settings.data_dir, parts.traces.lost)
    if url := settings.alerts.heartbeat_url:
        yield Heartbeat(fleet, url.get_secret_value(), partial(unwatched, fleet))
    if needs_of(settings):
        disk = DiskDuty(fleet, DataDisk(settings.data_dir, _DISKS), parts.gate, direct)
        yield disk
        yield DiskSaleDuty(disk)


def _of_the_fleet(parts: HostParts) -> Iterator[Duty]:
    settings, fleet = parts.settings, parts.fleet
    yield LostWorkersDuty(fleet, settings.rules)
    yield MarketWatchDuty(fleet, settings.rules)
    yield UnattendedSalesDuty(fleet, settings.rules, parts.traces.acts(parts.acts), spans=parts.traces.trades)
    yield CloseDuty(fleet, settings.rules)
    yield ScheduleDuty(fleet, settings.rules)
    yield FailingDuty(fleet)
    yield ForeignDuty(fleet)
    yield ReportDuty(fleet, settings.reports, settings.report.language)
    yield TradeMessageDuty(fleet)
    yield DigestDuty(fleet)
    if days := settings.retention.price_days:
        yield RetentionDuty(fleet, days)


def _of_the_account(parts: HostParts) -> Iterator[Duty]:
    settings, fleet, broker = parts.settings, parts.fleet, parts.broker

    def dangers_of(worth: Won) -> Dangers:
        return unaccepted(settings, account_dangers(settings, settings.rules, worth))

    if settings.stream.enabled:
        yield StreamDuty(fleet)
        yield PhaseDuty(fleet)
    yield AccessDuty(fleet, lambda: broker.refusal)
    yield ReadingDuty(fleet, broker.take_unreadable)
    yield ClockDuty(fleet, broker, parts.gate)
    yield CalendarDuty(fleet, parts.day_start)
    yield BooksDuty(fleet, parts.day_start.books, lambda: broker.trouble)
    yield WorthDuty(fleet, broker, dangers_of)
