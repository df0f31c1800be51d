"""Host the trading: start the embedded parts, run workflows, activities and duties until stopped, then drain."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from temporalio.client import Client

from activities.market.quote_feed import QuoteFeed
from activities.support.host_gate import HostGate
from activities.support.pace import RealPace
from broker.protocol import Broker
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS, database_cause
from database.migrations import apply
from domain.dangers import Dangers
from domain.errors import TradingError, TryAgainError
from domain.event import EventLevel
from domain.identity import Environment
from domain.lane import Lane
from domain.masking import Masking
from domain.money import Won
from domain.session import session_date_of
from fleet.alerting.channels import Channel, channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.clocks import check_clocks, system_now
from fleet.duties.account_worth import WorthDuty, account_worth
from fleet.duties.data_disk import DataDisk
from fleet.duties.disk import DiskDuty
from fleet.duties.host import HostDuty
from fleet.duties.hosting import (
    bring_back_workers,
    compare_books,
    compare_calendars,
    compare_limits,
    fleet_name,
    join_fleet,
    keep_account,
    keep_closing,
    keep_host_known,
    keep_keys_known,
    keep_reports,
    keep_schedule,
    notice_outages,
    notice_silences,
    ping_while_well,
    report_failing_workflows,
    report_foreign_objects,
    report_refusals,
    report_unreadable_rows,
    watch_over_access,
    watch_over_channels,
    watch_over_clock,
    watch_over_disk,
    watch_over_stream,
)
from fleet.duties.key_hold import KeyHold
from fleet.duties.refusal import RefusalDuty
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.together import first_to_end
from reporting.spoken import say
from runtime.account_names import account_in, key_fingerprint
from runtime.auditing import keep_log
from runtime.composition import (
    Collaborators,
    broker_for,
    day_start_for,
    hosting,
    proof_of,
    token_key,
    workers_for,
)
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.finding import needs_of
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.env_file import describe_env_file
from runtime.live_dangers import account_dangers, host_limits, refuse, refuse_root, settings_dangers, unaccepted
from runtime.place import Place, calendar_of, leads_of, place_of
from runtime.settings import Settings, SettingsError
from runtime.stream import streaming_for
from runtime.superuser import SEPARATE_ROLES, superuser_problem
from runtime.telemetry import log_market_time, temporal_runtime
from runtime.temporal_connection import (
    TemporalAwayError,
    connect_temporal,
    open_to_strangers,
    refuse_open_temporal,
    ring_of,
)
from security.private_files import NotPrivateError
from security.sealing.refusals import Refusals
from workflows import attributes

logger = logging.getLogger("haru.worker")

_DISKS: Final = ("postgres", "postgres/pg_wal")
"""Folders of the embedded parts, inside the data folder, that an operator may put on another disk."""


class WorkerError(Exception):
    """A required resource is missing; the text says what, where and how to fix it."""


REFUSALS: Final = (
    *(SettingsError, EmbeddedError, OperationError, TradingError, WorkerError, TemporalAwayError),
    NotPrivateError,
)
"""Errors that end the program with one line, without a traceback."""


async def host(settings: Settings, told_to_stop: asyncio.Event) -> None:
    """Start all parts, trade until a stop is requested, drain, and stop all parts in reverse order."""
    print(say(describe_env_file()), flush=True)
    token_key(settings)  # report a missing key before anything starts
    refuse_root(settings)
    refuse(settings, settings_dangers(settings, session_date_of(system_now())))
    _check_temporal(settings)
    async with EmbeddedParts(settings, attributes.ALL) as parts:
        place = place_of(settings, parts.endpoints)
        log_market_time(place.clock)
        mask = Masking(settings.secrets())
        database = await _migrated_database(place.database_url, _migration_url(settings, parts), mask)
        try:
            await refuse_superuser(settings, database)
            refusals = Refusals()
            client = await connect_temporal(settings, place, temporal_runtime(settings.telemetry), refusals)
            await ensure_search_attributes(client, attributes.ALL)
            await _trade(settings, Stage(parts, place, database, client, refusals), told_to_stop)
        finally:
            await database.aclose()


@dataclass(frozen=True, slots=True)
class Stage:
    """Resources that exist before trading starts."""

    parts: EmbeddedParts
    place: Place
    database: Database
    client: Client
    refusals: Refusals


async def _trade(settings: Settings, stage: Stage, told_to_stop: asyncio.Event) -> None:
    account, clock = account_in(settings, stage.database), stage.place.clock
    calendar = calendar_of(settings, clock)
    leads, environment = leads_of(settings), settings.broker.environment
    fleet = Fleet(stage.client, stage.database, account, environment, clock, calendar, leads=leads)
    alerting = _alerting(settings, fleet)  # report an unreadable address before anything trades
    direct = DirectAlerts(environment, _channels(settings), _alert_rules(settings))
    pace, this_host = RealPace(clock), HostDuty(fleet)
    with _at_the_start(stage.place.database_url):
        await stage.database.accounts.pin(account, settings.broker.environment, key_fingerprint(settings))
        name, keys = await _joined(settings, fleet)
        limits = await this_host.declare(host_limits(settings))
    async with broker_for(settings, stage.place, stage.database, pace) as broker:
        await check_clocks(stage.database, broker)
        await _check_broker(broker)
        await _check_limits(settings, broker)
        feed = QuoteFeed(broker, pace, settings.stream.jump_bound)
        with_ = Collaborators(
            broker,
            stage.database,
            pace,
            calendar,
            leads,
            proof_of(settings),
            feed,
            commission=settings.broker.commission,
            host=HostGate(limits, fleet.plan_of_the_day),
        )
        heartbeat = settings.alerts.heartbeat_url
        disk = DiskDuty(fleet, DataDisk(settings.data_dir, _DISKS), with_.host, direct)
        streaming, day_start = streaming_for(settings, stage.place, broker, with_), day_start_for(with_)
        async with hosting(workers_for(stage.client, account, with_)):
            _announce(settings, str(stage.parts.endpoints))
            await first_to_end(
                told_to_stop.wait(),
                _broken(stage.parts),
                *([streaming.keep()] if streaming else []),
                alerting.keep(),
                direct.keep(),
                watch_over_channels(fleet, [channel.key for channel in _channels(settings)]),
                *([watch_over_disk(disk)] if needs_of(settings) else []),
                keep_account(fleet, name),
                bring_back_workers(fleet, settings.rules),
                keep_closing(fleet, settings.rules),
                keep_schedule(fleet, settings.rules),
                notice_outages(fleet, direct),
                notice_silences(fleet, direct, lambda: broker.silent_for),
                keep_host_known(this_host),
                keep_log(settings, fleet),
                keep_keys_known(keys),
                report_refusals(RefusalDuty(fleet, stage.refusals)),
                *([ping_while_well(fleet, heartbeat.get_secret_value())] if heartbeat else []),
                report_failing_workflows(fleet),
                report_foreign_objects(fleet),
                *([watch_over_stream(fleet)] if streaming else []),
                watch_over_access(fleet, lambda: broker.refusal),
                report_unreadable_rows(fleet, broker.take_unreadable),
                watch_over_clock(fleet, broker, with_.host),
                compare_calendars(fleet, day_start),
                compare_books(fleet, day_start.books, lambda: broker.trouble),
                *([compare_limits(_worth_duty(settings, fleet, broker))] if environment is Environment.LIVE else []),
                keep_reports(fleet, settings.reports, settings.report.language),
            )
        await _leave(this_host, keys)


async def _leave(this_host: HostDuty, keys: KeyHold) -> None:
    for line in await this_host.farewell():
        print(say(line), flush=True)
    await this_host.leave()
    await keys.leave()


def _check_temporal(settings: Settings) -> None:
    """Refuse live trading on a Temporal server that others can command; warn about it for paper."""
    ring_of(settings)
    refuse_open_temporal(settings)
    if settings.broker.environment is Environment.PAPER and (why := open_to_strangers(settings)):
        logger.warning("temporal_open_to_strangers", extra={"cause": why})


async def _joined(settings: Settings, fleet: Fleet) -> tuple[str, KeyHold]:
    """Join the fleet under its name and keys."""
    name, keys = await fleet_name(fleet.client), KeyHold(fleet, ring_of(settings).ids)
    await join_fleet(fleet, name)
    await keys.join()
    return name, keys


async def _check_broker(broker: Broker) -> None:
    """Refuse to start with keys, an account or a host that the broker rejects; continue if the broker is away."""
    try:
        await broker.check_access(Lane.RESOLVE)
    except TryAgainError as fault:
        logger.warning("broker_away_at_start", extra={"cause": str(fault)})


async def _check_limits(settings: Settings, broker: Broker) -> None:
    """Refuse real money under limits above the account's worth. If the broker is away, the host's duty checks later."""
    if settings.broker.environment is not Environment.LIVE:
        return
    with suppress(TryAgainError):
        worth = await account_worth(broker)
        if worth is not None:
            refuse(settings, account_dangers(settings, settings.rules, worth))


def _migration_url(settings: Settings, parts: EmbeddedParts) -> str | None:
    configured = settings.database_migration_url
    return configured.get_secret_value() if configured and settings.database_url else parts.migration_url


async def _migrated_database(url: str, migration_url: str | None, mask: Masking) -> Database:
    with _at_the_start(migration_url or url):
        await asyncio.to_thread(apply, migration_url or url, url)
    with _at_the_start(url):
        return await open_database(url, mask=mask)


async def refuse_superuser(settings: Settings, database: Database) -> None:
    """Refuse to trade real money with a PostgreSQL superuser role, and warn about it in other environments.

    Raises:
        WorkerError: the role is a superuser, and the account is live.
    """
    problem = superuser_problem(await database.server.role())
    if not problem:
        return
    if settings.broker.environment is Environment.LIVE:
        raise WorkerError(f"DATABASE_URL: {problem}; {SEPARATE_ROLES}")
    logger.warning("database_role_is_superuser", extra={"problem": problem, "mend": SEPARATE_ROLES})


@contextmanager
def _at_the_start(url: str) -> Iterator[None]:
    try:
        yield
    except DATABASE_FAULTS as fault:
        parts = urlsplit(url)
        where = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
        cause = database_cause(fault)
        raise WorkerError(f"PostgreSQL at {where}: {cause}; start it, or correct DATABASE_URL") from fault


async def _broken(parts: EmbeddedParts) -> None:
    raise await parts.first_failure()


def _alerting(settings: Settings, fleet: Fleet) -> Alerting:
    """Return the duty that sends alerts to every configured channel.

    Raises:
        OperationError: the address of a channel cannot be read.
    """
    account = (fleet.account_id, fleet.environment)
    return Alerting(account, fleet.database, _channels(settings), _alert_rules(settings))


def _worth_duty(settings: Settings, fleet: Fleet, broker: Broker) -> WorthDuty:
    def dangers_of(worth: Won) -> Dangers:
        return unaccepted(settings, account_dangers(settings, settings.rules, worth))

    return WorthDuty(fleet, broker, dangers_of)


def _channels(settings: Settings) -> Sequence[Channel]:
    return channels_of([url.get_secret_value() for url in settings.alerts.urls])


def _alert_rules(settings: Settings) -> AlertRules:
    told = settings.alerts
    return AlertRules(
        mask=Masking(settings.secrets()),
        minimum_level=EventLevel(told.minimum_level),
        language=told.language,
        tells_days=told.daily_summary,
        tells_trades=told.trades,
    )


def _announce(settings: Settings, where: str) -> None:
    logger.info("worker_ready", extra={"environment": settings.broker.environment})
    print(f"{say(f'haru worker ready: {settings.broker.environment.upper()} account.')} {where}", flush=True)
    print(say("Next: python starter.py --workers 5   (Ctrl-C here drains and stops)"), flush=True)
