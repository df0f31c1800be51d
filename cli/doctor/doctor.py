"""``python starter.py doctor``: check every requirement of trading in order, whether or not the fleet runs."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from activities.support.pace import RealPace
from broker.kis.broker import KisBroker
from broker.kis.clock import read_clock
from broker.kis.wire import Wire
from cli.doctor import broker_checks, machine_checks
from cli.doctor.checkup import Check, Finding, doubtful, fine, startable, wrong
from cli.doctor.database_checks import look_at_durability, look_at_role, look_at_verdicts
from cli.doctor.stream_check import look_at_own_session, look_at_stream
from cli.doctor.trace_check import look_at_traces
from cli.tables.duties import overdue_lines
from cli.tables.host_limits import host_warnings
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS
from domain.clock import ClockReading
from domain.dangers import Dangers
from domain.errors import TradingError
from domain.identity import Environment
from domain.market import Symbol
from domain.session import session_date_of
from fleet.clocks import Skew, database_skew, system_now
from fleet.duties.account_worth import account_worth
from fleet.standings import codes_of
from runtime.account_names import account_in, key_fingerprint
from runtime.composition import broker_for, connection_of, stream_of
from runtime.embedded.endpoints import Endpoints
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.finding import Need, find_endpoints, needs_of
from runtime.embedded.postgres import check_version
from runtime.embedded.search_attributes import commands_to_add, missing_search_attributes, odd_search_attributes
from runtime.embedded.token_key import FILE as TOKEN_KEY_FILE
from runtime.env_file import env_file
from runtime.live_dangers import account_dangers, in_words, settings_dangers, unaccepted
from runtime.place import Place, calendar_of, calls_per_second, place_of
from runtime.price_supply import supply_of
from runtime.settings import Settings, SettingsError, load_settings
from runtime.temporal_connection import (
    TemporalAwayError,
    check_keys,
    connect_temporal,
    open_to_strangers,
    refuse_open_temporal,
)
from runtime.token_key import token_key
from workflows import attributes

EXPECTED: Final = (
    *(SettingsError, EmbeddedError, TradingError, TemporalAwayError, *DATABASE_FAULTS),
    *(ConnectionError, ValueError),
)
"""Errors that a check may raise. The error becomes the line's text."""
_LEAST_POSTGRES: Final = 15
_ANY_STOCK: Final = Symbol("005930")


class Doctor:
    """Run checks one after another and keep resources that later checks need. It closes everything that it opens."""

    settings: Settings
    place: Place
    database: Database
    broker: KisBroker

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._runs = False
        self._database_is_up = False
        self._clock: ClockReading | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def checks(self) -> Sequence[Check]:
        """Return every check in order."""
        account = ("keys", "PostgreSQL", "broker host", "token key")
        stream_fix = "check HARU_BROKER__HTS_ID and HARU_BROKER__STREAM_URL"
        keys_fix = "compare keys, account and environment with KIS's portal; `python starter.py import-keys`"
        return (
            Check("settings", self._look_at_settings, fix="correct .env or the environment"),
            Check("data folder", self._look_at_folder, ("settings",)),
            Check(".env", self._look_at_env_file, ("settings",)),
            Check("keys", self._look_at_keys, ("settings",)),
            Check("token key", self._look_at_token_key, ("settings",), "python starter.py new-key"),
            Check("parts", self._look_for_parts, ("settings",), "start the simulator, or unset HARU_SIMULATOR__URL"),
            Check("ports", self._look_at_ports, ("parts",)),
            Check("universe", self._look_at_universe, ("settings",)),
            Check("strategies", self._look_at_strategies, ("settings",)),
            Check("PostgreSQL", self._look_at_postgres, ("parts",), "start it, or correct DATABASE_URL"),
            Check("role", self._look_at_role, ("PostgreSQL",)),
            Check("durability", self._look_at_durability, ("PostgreSQL",)),
            Check("books", self._look_at_books, ("PostgreSQL",)),
            Check("Temporal", self._look_at_temporal, ("parts",), "start it, or correct TEMPORAL_ADDRESS"),
            Check("broker host", self._look_at_host, ("parts",), "check the network and HARU_BROKER__REST_URL"),
            Check("clocks", self._look_at_clocks, ("broker host",)),
            Check("account", self._look_at_account, account, keys_fix),
            Check("orders", self._look_at_orders, ("account",), "ask KIS whether the account may trade by OpenAPI"),
            Check("stream", self._look_at_stream, ("account",), stream_fix),
            Check("calendar", self._look_at_calendar, ("account",), "try again; the broker did not answer"),
            Check("coming days", self._look_ahead, ("parts",)),
            Check("tax", self._look_at_tax, ("parts",)),
            Check("limits", self._look_at_limits, ("settings",)),
            Check("prices", self._look_at_prices, ("settings",)),
            Check("hosts", self._look_at_hosts, ("books",)),
            Check("real money", self._look_at_dangers, ("settings",)),
            Check("verdicts", self._look_at_verdicts, ("books",)),
            Check("worth", self._look_at_worth, ("account",)),
            Check("alerts", self._look_at_alerts, ("settings",)),
            Check("traces", lambda: look_at_traces(self.settings.telemetry.traces_endpoint), ("settings",)),
            Check("chat", self._look_at_chat, ("settings",)),
        )

    async def _look_at_settings(self) -> Finding:
        self.settings = await asyncio.to_thread(load_settings)
        python = ".".join(map(str, sys.version_info[:3]))
        return fine(f"{self.settings.broker.environment.upper()}; Python {python}")

    async def _look_at_folder(self) -> Finding:
        return machine_checks.look_at_folder(self.settings.data_dir)

    async def _look_at_env_file(self) -> Finding:
        return machine_checks.look_at_env_file(env_file())

    async def _look_at_keys(self) -> Finding:
        broker = self.settings.broker
        if broker.environment is Environment.SIMULATED or broker.app_key is None or broker.app_secret is None:
            return fine("the simulator needs none")
        return machine_checks.look_at_keys(broker.app_key.get_secret_value(), broker.app_secret.get_secret_value())

    async def _look_at_token_key(self) -> Finding:
        if self.settings.broker.token_key is None and self.settings.database_url is None:
            there = (self.settings.data_dir / TOKEN_KEY_FILE).exists()
            if self.settings.broker.environment is Environment.SIMULATED:
                return fine("the simulator's token opens nothing")
            if not there:
                return fine(f"worker.py will make {self.settings.data_dir / TOKEN_KEY_FILE}")
        token_key(self.settings)
        return fine("the access token is kept encrypted")

    async def _look_for_parts(self) -> Finding:
        needs = needs_of(self.settings)
        endpoints = await find_endpoints(self.settings)
        self._runs = endpoints is not None
        self.place = place_of(self.settings, endpoints or Endpoints())
        if not needs:
            return fine("all configured, nothing is embedded")
        named = ", ".join(name for need, name in _EMBEDDED.items() if need in needs)
        state = "run" if self._runs else "do not run; `python worker.py` starts them"
        return fine(f"embedded parts ({named}) {state}; Docker is not needed")

    async def _look_at_ports(self) -> Finding:
        if self._runs and needs_of(self.settings):
            return fine("in use by the embedded parts")
        ports, needs = self.settings.ports, needs_of(self.settings)
        wanted = {
            "HARU_PORTS__POSTGRES": (Need.DATABASE, ports.postgres),
            "HARU_PORTS__TEMPORAL": (Need.TEMPORAL, ports.temporal),
            "HARU_PORTS__TEMPORAL_UI": (Need.TEMPORAL, ports.temporal_ui),
            "HARU_PORTS__SIMULATOR": (Need.SIMULATOR, ports.simulator),
        }
        return machine_checks.look_at_ports({name: port for name, (need, port) in wanted.items() if need in needs})

    async def _look_at_universe(self) -> Finding:
        return machine_checks.look_at_universe(self.settings)

    async def _look_at_strategies(self) -> Finding:
        return machine_checks.look_at_strategies(self.settings)

    async def _look_at_postgres(self) -> Finding:
        if Need.DATABASE in needs_of(self.settings) and not self._runs:
            if (data := self.settings.data_dir / "postgres").is_dir():
                await asyncio.to_thread(check_version, data)
            return startable("embedded, not running; `python worker.py` starts it")
        where = urlsplit(self.place.database_url).hostname
        self.database = await open_database(self.place.database_url, 4, any_level=True)
        self._stack.push_async_callback(self.database.aclose)
        self._database_is_up = True
        version = await self.database.server.version()
        if version < _LEAST_POSTGRES:
            return wrong(f"version {version} at {where}", f"use PostgreSQL {_LEAST_POSTGRES} or newer")
        level = await self.database.server.schema_level()
        if level.unknown:
            text = f"version {version} at {where}, migrated by newer code: {', '.join(level.unknown)}"
            return wrong(text, "update this program, or correct DATABASE_URL")
        if level.missing:
            text = f"version {version} at {where}, not migrated: {len(level.missing)} steps are missing"
            return replace(doubtful(text, "worker.py migrates it when it starts"), opens=False)
        return fine(f"version {version} at {where}, migrated")

    async def _look_at_role(self) -> Finding:
        is_live = self.settings.broker.environment is Environment.LIVE
        return look_at_role(await self.database.server.role(), is_live=is_live)

    async def _look_at_durability(self) -> Finding:
        return look_at_durability(await self.database.server.durability())

    async def _look_at_books(self) -> Finding:
        account = account_in(self.settings, self.database)
        wanted = (account, self.settings.broker.environment, key_fingerprint(self.settings))
        kept = await self.database.accounts.pinned()
        if kept is None:
            return fine(f"empty; they will be those of {wanted[1]} account {wanted[0]}")
        if kept != wanted:
            fix = "give every account, environment and set of keys a database of its own (DATABASE_URL, HARU_DATA_DIR)"
            return wrong(f"they belong to {kept[1]} account {kept[0]} or to other keys", fix)
        return fine(f"they belong to {kept[1]} account {kept[0]}")

    async def _look_at_temporal(self) -> Finding:
        if Need.TEMPORAL in needs_of(self.settings) and not self._runs:
            return startable("embedded, not running; `python worker.py` starts it")
        refuse_open_temporal(self.settings)
        client = await connect_temporal(self.settings, self.place)
        if self._database_is_up and await self.database.accounts.pinned() is not None:
            await check_keys(self.settings, self.database, account_in(self.settings, self.database))
        text = f"{client.service_client.config.target_host}, namespace {client.namespace}"
        lacking = await missing_search_attributes(client, attributes.ALL)
        if lacking:
            fix = f"worker.py registers them when it starts, if it may; else run: {commands_to_add(client, lacking)}"
            return doubtful(f"{text}, without {', '.join(sorted(lacking))}", fix)
        if odd := await odd_search_attributes(client, attributes.ALL):
            fix = "remove them from the namespace, or use another one: no worker can start"
            return wrong(f"{text}, with foreign types of {', '.join(odd)}", fix)
        if self.settings.broker.environment is not Environment.SIMULATED and (why := open_to_strangers(self.settings)):
            return doubtful(text, why)
        return fine(f"{text}, search attributes registered; what crosses is encrypted")

    async def _look_at_host(self) -> Finding:
        if Need.SIMULATOR in needs_of(self.settings) and not self._runs:
            return startable("the embedded simulator is not running; `python worker.py` starts it")
        wire = Wire(connection_of(self.settings, self.place))
        try:
            await wire.check_simulator()
            self._clock = await read_clock(wire)
        finally:
            await wire.aclose()
        address = urlsplit(self.place.broker_url)
        took = self._clock.took.total_seconds() * 1000
        rate = calls_per_second(self.settings)
        return fine(f"{address.hostname}:{address.port} answers in {took:.0f} ms; at most {rate} calls a second")

    async def _look_at_clocks(self) -> Finding:
        skews = [Skew("the broker", self._clock.skew)] if self._clock else []
        if self._database_is_up:
            skews.append(await database_skew(self.database))
        return broker_checks.look_at_clocks(skews)

    async def _look_at_account(self) -> Finding:
        opened = broker_for(self.settings, self.place, self.database, RealPace(self.place.clock))
        self.broker = await self._stack.enter_async_context(opened)
        return await broker_checks.look_at_account(self.broker)

    async def _look_at_orders(self) -> Finding:
        return await broker_checks.look_at_orders(self.broker, self._any_stock())

    async def _look_at_stream(self) -> Finding:
        if not self.settings.stream.enabled:
            return fine("switched off; prices and order notices come by asking")
        stream = stream_of(self.settings, self.place, self.broker, self.database)
        if await self.database.accounts.pinned() is None:
            return await look_at_own_session(stream, self._any_stock())
        leases = self.database.stream_leases
        return await look_at_stream(stream, leases, account_in(self.settings, self.database), self._any_stock())

    def _any_stock(self) -> Symbol:
        return next(iter(self.settings.rules.universe.symbols), _ANY_STOCK)

    async def _look_at_calendar(self) -> Finding:
        calendar = calendar_of(self.settings, self.place.clock)
        return await broker_checks.look_at_calendar(self.broker, calendar, session_date_of(self._market_now()))

    async def _look_ahead(self) -> Finding:
        calendar = calendar_of(self.settings, self.place.clock)
        return broker_checks.look_ahead(calendar, session_date_of(self._market_now()))

    async def _look_at_tax(self) -> Finding:
        return broker_checks.look_at_tax(
            calendar_of(self.settings, self.place.clock), session_date_of(self._market_now())
        )

    async def _look_at_limits(self) -> Finding:
        return machine_checks.look_at_limits(self.settings.rules.risk)

    async def _look_at_prices(self) -> Finding:
        return machine_checks.look_at_prices(supply_of(self.settings), self.settings.rules.execution)

    async def _look_at_hosts(self) -> Finding:
        hosts = await self.database.host_limits.of_living(account_in(self.settings, self.database))
        if warnings := host_warnings(hosts, self.settings.rules, self.settings.broker.environment):
            return doubtful("; ".join(warnings), "give all hosts of the account the same settings")
        duties = await self.database.hosts.duties(account_in(self.settings, self.database))
        if overdue := overdue_lines(duties):
            return doubtful("; ".join(overdue), "restart that host, or look at what its log says of the duty")
        longest = max((round(each.seconds) for each in duties), default=0)
        text = f"{len(hosts)} run; a host's limits are the ceiling of every workflow's"
        return fine(f"{text}; {len(duties)} duties in time, the longest {longest} s ago" if duties else text)

    async def _look_at_dangers(self) -> Finding:
        if self.settings.broker.environment is not Environment.LIVE:
            return fine("none is traded")
        return self._judged(settings_dangers(self.settings, session_date_of(system_now())))

    async def _look_at_verdicts(self) -> Finding:
        if self.settings.broker.environment is not Environment.LIVE:
            return fine("only real money needs one")
        names, account = self.settings.rules.strategy.names, account_in(self.settings, self.database)
        return look_at_verdicts(await self.database.verdicts.standings(account, codes_of(names)))

    async def _look_at_worth(self) -> Finding:
        worth = await account_worth(self.broker)
        if worth is None:
            return doubtful("what the account holds cannot be read", "look into the account in the HTS")
        dangers = account_dangers(self.settings, self.settings.rules, worth)
        return self._judged(dangers) if dangers else fine(f"the account holds {worth:,} won in cash and shares")

    def _judged(self, dangers: Dangers) -> Finding:
        if left := unaccepted(self.settings, dangers):
            return wrong(in_words(self.settings, left), "change what is named, or accept it by its name")
        if dangers:
            return doubtful(f"accepted: {'; '.join(dangers.values())}", "accept only what you mean")
        return fine("no setting needs a second word")

    async def _look_at_alerts(self) -> Finding:
        return machine_checks.look_at_alerts(self.settings)

    async def _look_at_chat(self) -> Finding:
        return await machine_checks.look_at_chat(self.settings)

    def _market_now(self) -> datetime:
        return self.place.clock.market_time(datetime.now(UTC))  # noqa: TID251 - reads the present


_EMBEDDED: Final = {Need.DATABASE: "PostgreSQL", Need.TEMPORAL: "Temporal", Need.SIMULATOR: "simulator"}
