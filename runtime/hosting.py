"""Host the trading: start the embedded parts, run workflows, activities and duties until stopped, then drain."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from temporalio.client import Client

from activities.market.quote_feed import QuoteFeed
from activities.support.host_gate import HostGate
from activities.support.pace import RealPace
from activities.support.recorder import DayRecorder
from activities.support.strategy_standing import StrategyStanding
from broker.kis.broker import KisBroker
from broker.protocol import Broker
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS, database_cause
from database.migrations import apply
from database.pool import Heard
from domain.errors import TradingError, TryAgainError, with_remedy
from domain.host_limits import HostLimits
from domain.identity import Environment
from domain.lane import Lane
from domain.masking import Masking
from domain.session import session_date_of
from fleet.clocks import check_clocks, system_now
from fleet.duties.account import AccountDuty, fleet_name
from fleet.duties.account_worth import account_worth
from fleet.duties.host import HostDuty
from fleet.duties.key_hold import KeyHold
from fleet.duties.release import ReleaseDuty
from fleet.duties.runner import DutyRunner
from fleet.duties.strategies import StrategyDuty
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.releases import VERSIONING_FIX, is_tried
from fleet.together import first_to_end
from reporting.spoken import say
from runtime.account_names import account_in, key_fingerprint
from runtime.alerting import alerts_of
from runtime.chat import chat_duty
from runtime.composition import (
    Collaborators,
    activities_by_name,
    broker_for,
    day_start_for,
    hosting,
    proof_of,
    workers_for,
)
from runtime.duties import HostParts, Membership, duties_of
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.env_file import describe_env_file
from runtime.health import Health, HealthAddressError, serving_health
from runtime.live_dangers import account_dangers, host_limits, refuse, refuse_root, settings_dangers
from runtime.page_process import keep_page
from runtime.place import Place, calendar_of, leads_of, place_of
from runtime.price_supply import supply_of
from runtime.recording import recording
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
from runtime.token_key import token_key
from runtime.tracing.parts import Tracing
from runtime.tracing.start import tracing
from security.private_files import NotPrivateError
from security.sealing.refusals import Refusals
from strategies import known
from workflows import attributes

logger = logging.getLogger("haru.worker")


class WorkerError(Exception):
    """A required resource is missing; the text says what, where and how to fix it."""


REFUSALS: Final = (
    *(SettingsError, EmbeddedError, OperationError, TradingError, WorkerError, TemporalAwayError),
    *(NotPrivateError, HealthAddressError),
)
"""Errors that end the program with one line, without a traceback."""


async def host(settings: Settings, stop_requested: asyncio.Event) -> None:
    """Start all parts, trade until a stop is requested, drain, and stop all parts in reverse order."""
    print(say(describe_env_file()), flush=True)
    token_key(settings)  # report a missing key before anything starts
    refuse_root(settings)
    refuse(settings, settings_dangers(settings, session_date_of(system_now())))
    _check_temporal(settings)
    async with (
        tracing(settings.telemetry.traces_endpoint) as traces,
        serving_health(settings.telemetry.health_address) as health,
        EmbeddedParts(settings, attributes.ALL) as parts,
    ):
        place = place_of(settings, parts.endpoints)
        log_market_time(place.clock)
        mask = Masking(settings.secrets())
        migration_url = _migration_url(settings, parts)
        database = await _migrated_database(place.database_url, migration_url, mask, traces.statement)
        try:
            await refuse_superuser(settings, database)
            refusals = Refusals()
            traced = traces.interceptors(place.clock)
            client = await connect_temporal(
                settings, place, temporal_runtime(settings.telemetry), refusals, tracing=traced
            )
            await ensure_search_attributes(client, attributes.ALL)
            kept, clock = settings.recording.days, place.clock
            with recording(settings.data_dir, kept, RealPace(clock).now, clock.speed) as recorder:
                stage = Stage(parts, place, database, client, refusals, recorder, health, traces)
                await _trade(settings, stage, stop_requested)
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
    recorder: DayRecorder | None
    health: Health
    traces: Tracing


async def _trade(settings: Settings, stage: Stage, stop_requested: asyncio.Event) -> None:
    """Join the fleet, check what trading needs, trade until a stop is requested, and leave."""
    fleet, pace = _fleet(settings, stage), RealPace(stage.place.clock)
    alerts = alerts_of(settings, fleet)  # report an unreadable address before anything trades
    chat = chat_duty(settings, fleet)
    with _at_the_start(stage.place.database_url):
        membership, limits = await _joined(settings, fleet)
        standing = membership.strategies.standing
    async with broker_for(settings, stage.place, stage.database, pace).traced(stage.traces.call) as broker:
        await check_clocks(stage.database, broker)
        await _check_broker(broker)
        await _check_limits(settings, broker)
        gate = HostGate(limits, fleet.plan_of_the_day, fleet.supply)
        with_ = replace(
            _collaborators(settings, fleet, broker, gate, standing, stage.recorder), spans=stage.traces.trades
        )
        parts = HostParts(
            settings=settings,
            fleet=fleet,
            membership=membership,
            broker=broker,
            day_start=day_start_for(with_),
            gate=with_.host,
            direct=alerts.direct,
            channels=alerts.channels,
            refusals=stage.refusals,
            chat=chat,
            acts=activities_by_name(fleet.account_id, with_),
            traces=stage.traces,
        )
        streaming = streaming_for(settings, stage.place, broker, with_)
        version = None if membership.release is None else membership.release.version
        async with hosting(workers_for(stage.client, fleet.account_id, with_, version)):
            with stage.health.ready():
                _announce(settings, str(stage.parts.endpoints))
                await first_to_end(
                    stop_requested.wait(),
                    _broken(stage.parts),
                    *([streaming.keep()] if streaming else []),
                    *([keep_page()] if settings.web.enabled else []),
                    alerts.outbox.keep(),
                    alerts.direct.keep(),
                    DutyRunner(fleet, duties_of(parts), membership.host.host_id).run(),
                )
        for line in await membership.host.farewell():
            print(say(line), flush=True)
        await membership.leave()


def _collaborators(  # noqa: PLR0913, PLR0917 each of them is another part of the system
    settings: Settings,
    fleet: Fleet,
    broker: KisBroker,
    gate: HostGate,
    standing: StrategyStanding,
    recorder: DayRecorder | None,
) -> Collaborators:
    pace = RealPace(fleet.clock)
    return Collaborators(
        broker,
        fleet.database,
        pace,
        fleet.calendar,
        fleet.leads,
        proof_of(settings),
        QuoteFeed(broker, pace, settings.stream.jump_bound, fleet.calendar, recorder=recorder),
        recorder=recorder,
        commission=settings.broker.commission,
        host=gate,
        standing=standing,
        shared_watch=settings.watch.shared,
        shared_scan=settings.watch.shared,
        joins_steps=settings.watch.shared,
    )


def _fleet(settings: Settings, stage: Stage) -> Fleet:
    clock = stage.place.clock
    return Fleet(
        stage.client,
        stage.database,
        account_in(settings, stage.database),
        settings.broker.environment,
        clock,
        calendar_of(settings, clock),
        leads=leads_of(settings),
        supply=supply_of(settings),
    )


def _check_temporal(settings: Settings) -> None:
    """Refuse live trading on a Temporal server that others can command; warn about it for paper."""
    ring_of(settings)
    refuse_open_temporal(settings)
    if settings.broker.environment is Environment.PAPER and (why := open_to_strangers(settings)):
        logger.warning("temporal_open_to_strangers", extra={"cause": why})


async def _joined(settings: Settings, fleet: Fleet) -> tuple[Membership, HostLimits]:
    """Bind the account to its keys, join the fleet, and declare this host's limits and strategies."""
    await fleet.database.accounts.pin(fleet.account_id, fleet.environment, key_fingerprint(settings))
    account = AccountDuty(fleet, await fleet_name(fleet.client))
    strategies = StrategyDuty(fleet, known(), settings.rules)
    is_versioned = settings.release.versioned or (settings.release.versioned is None and await is_tried(fleet.client))
    build = settings.release.build if is_versioned else ""
    host = HostDuty(fleet, build=build)
    release = ReleaseDuty(fleet, host.host_id, build)
    membership = Membership(account, KeyHold(fleet, ring_of(settings).ids), host, strategies, release)
    await membership.account.look()
    await membership.keys.join()
    limits = await membership.host.declare(host_limits(settings))
    await strategies.declare(membership.host.host_id)
    if not await release.claim():
        if build:
            logger.warning("worker_versioning_unavailable", extra={"fix": VERSIONING_FIX})
        membership = replace(membership, release=None)
    return membership, limits


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


async def _migrated_database(url: str, migration_url: str | None, mask: Masking, heard: Heard | None) -> Database:
    with _at_the_start(migration_url or url):
        await asyncio.to_thread(apply, migration_url or url, url)
    with _at_the_start(url):
        return (await open_database(url, mask=mask, heard=heard)).load()


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
    logger.warning("database_role_is_superuser", extra={"problem": problem, "fix": SEPARATE_ROLES})


@contextmanager
def _at_the_start(url: str) -> Iterator[None]:
    try:
        yield
    except DATABASE_FAULTS as fault:
        parts = urlsplit(url)
        where = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
        cause = with_remedy(database_cause(fault), "start it, or correct DATABASE_URL")
        raise WorkerError(f"PostgreSQL at {where}: {cause}") from fault


async def _broken(parts: EmbeddedParts) -> None:
    raise await parts.first_failure()


def _announce(settings: Settings, where: str) -> None:
    logger.info("worker_ready", extra={"environment": settings.broker.environment})
    print(f"{say(f'haru worker ready: {settings.broker.environment.upper()} account.')} {where}", flush=True)
    print(say("Next: python starter.py --workers 5   (Ctrl-C here drains and stops)"), flush=True)
