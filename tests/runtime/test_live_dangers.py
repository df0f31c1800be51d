"""Dangerous settings of a live account: refused by name at the start, in the check-up and in changes of rules."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from temporalio.client import Client

from activities.support.pace import RealPace
from database.database import open_database
from domain.dangers import Danger
from domain.event_kind import EventKind
from domain.identity import LIVE_WORD, Environment, account_alias
from domain.session import session_date_of
from fleet.duties.account_worth import SHUT_BECAUSE, WorthDuty
from runtime import hosting, live_dangers
from runtime.account_names import key_fingerprint
from runtime.composition import broker_for
from runtime.embedded.endpoints import Endpoints
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.live_dangers import account_dangers, refuse, refuse_root, settings_dangers
from runtime.opening import open_fleet
from runtime.place import place_of
from runtime.settings import SettingsError, load_settings
from runtime.temporal_connection import open_to_strangers
from security.sealing.keys import new_key
from tests.simulator.test_process import running
from tests.support.application_role import as_application
from tests.support.command_line import Run
from tests.support.tls_relay import tls_before
from tests.test_worker import ends
from workflows import attributes

pytestmark = pytest.mark.usefixtures("nothing_configured")
MONDAY = date(2026, 11, 23)
OFF = {
    "HARU_RULES__EXITS__STOP_LOSS": "0",
    "HARU_RULES__EXITS__TAKE_PROFIT": "0",
    "HARU_RULES__EXITS__TRAILING_START": "0",
    "HARU_RULES__EXITS__TREND_BREAK": "0",
    "HARU_RULES__EXITS__LONGEST_HOLDING": "0s",
}
ACCOUNT = f"{uuid4().int % 10**8:08}-01"
LIVE = {
    "HARU_BROKER__ENVIRONMENT": "live",
    "HARU_BROKER__APP_KEY": "HARU-" + "L" * 31,
    "HARU_BROKER__APP_SECRET": "S" * 180,
    "HARU_BROKER__HTS_ID": "tester",
    "HARU_BROKER__ACCOUNT": ACCOUNT,
    "HARU_BROKER__LIVE_ACCOUNT": ACCOUNT,
    "HARU_BROKER__LIVE_CONFIRMATION": LIVE_WORD,
    "HARU_RULES__RISK__FLEET_DAILY_LOSS": "600000",
    "HARU_ALERTS__URLS": "json://127.0.0.1:9/T0KEN",
}


def refusal(monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    """Return the refusal of a live account with these settings; empty if accepted."""
    for name, value in {**LIVE, **changes}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    try:
        refuse(settings, settings_dangers(settings, MONDAY))
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("danger", "changes"),
    [
        (Danger.ALL_EXITS_OFF, OFF),
        (Danger.OLD_QUOTES, {"HARU_RULES__EXECUTION__GREATEST_QUOTE_AGE": "2m"}),
        (
            Danger.SLOW_EXITS,
            {"HARU_RULES__EXECUTION__EXIT_LIMIT_ATTEMPTS": "20", "HARU_RULES__EXECUTION__EXIT_REPRICE": "60s"},
        ),
        (Danger.CHANGED_HOURS, {"HARU_CALENDAR__HOURS": "2026-11-25=09:00-12:00-12:10"}),
        (Danger.NO_ALERTS, {"HARU_ALERTS__URLS": ""}),
    ],
)
def test_each_danger_is_refused_unless_it_is_accepted_by_its_name(
    monkeypatch: pytest.MonkeyPatch, danger: Danger, changes: dict[str, str]
) -> None:
    assert refusal(monkeypatch) == ""
    said = refusal(monkeypatch, **changes)
    assert "real money: " in said
    assert said.endswith(f"HARU_BROKER__LIVE_ACCEPTS={danger}")

    others = ",".join(each for each in Danger if each is not danger)
    assert refusal(monkeypatch, **changes, HARU_BROKER__LIVE_ACCEPTS=others) != ""
    assert refusal(monkeypatch, **changes, HARU_BROKER__LIVE_ACCEPTS=f" {danger} ,") == ""


def test_nothing_is_asked_of_an_account_without_real_money(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFF.items():
        monkeypatch.setenv(name, value)

    assert settings_dangers(load_settings(), MONDAY) == {}


def test_a_danger_that_does_not_exist_is_refused_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**LIVE, "HARU_BROKER__LIVE_ACCEPTS": "everything"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match="all_exits_off"):
        load_settings()


async def test_worker_py_refuses_to_start_for_real_money_without_a_channel(tmp_path: Path) -> None:
    silent = {name: value for name, value in LIVE.items() if name != "HARU_ALERTS__URLS"}
    code, said = await ends(tmp_path / "data", **silent)

    assert code == 1
    if os.geteuid() == 0:
        assert "real money is not traded as root" in said
        assert "useradd --create-home haru" in said
    else:
        assert "no channel for alerts; set HARU_ALERTS__URLS" in said
        assert "HARU_BROKER__LIVE_ACCEPTS=no_alerts" in said
    assert not (tmp_path / "data" / "postgres").exists()


def test_root_is_refused_for_real_money_and_warned_of_for_paper(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_dangers, "effective_user", lambda: 0)
    for name, value in LIVE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="real money is not traded as root"):
        refuse_root(load_settings())

    monkeypatch.setenv("HARU_BROKER__ENVIRONMENT", "paper")
    refuse_root(load_settings())
    assert [record.getMessage() for record in caplog.records] == ["running_as_root"]

    monkeypatch.setattr(live_dangers, "effective_user", lambda: 1000)
    monkeypatch.setenv("HARU_BROKER__ENVIRONMENT", "live")
    refuse_root(load_settings())


async def test_a_superuser_is_refused_for_real_money_and_warned_of_elsewhere(
    monkeypatch: pytest.MonkeyPatch, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in LIVE.items():
        monkeypatch.setenv(name, value)
    as_superuser = await open_database(database_url, 1)
    as_a_role = await open_database(as_application(database_url), 1)
    live = load_settings()

    with pytest.raises(hosting.WorkerError, match=r"is a superuser.*HARU_DATABASE_MIGRATION_URL"):
        await hosting.refuse_superuser(live, as_superuser)
    await hosting.refuse_superuser(live, as_a_role)
    assert not caplog.records
    monkeypatch.setenv("HARU_BROKER__ENVIRONMENT", "paper")
    await hosting.refuse_superuser(load_settings(), as_superuser)

    assert [record.getMessage() for record in caplog.records] == ["database_role_is_superuser"]
    for opened in (as_superuser, as_a_role):
        await opened.aclose()


@pytest.fixture
def real_service() -> Iterator[str]:
    """A simulator that plays the real service: a new account holds 100,000,000 won."""
    with running("--environment", "real", "--rate-limit", "0") as (_, url):
        yield url


@pytest.fixture
async def live(
    temporal_dev_server: str, database_url: str, real_service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mapping[str, str]]:
    monkeypatch.setattr(live_dangers, "effective_user", lambda: 1000)
    servers = {
        "DATABASE_URL": as_application(database_url),
        "HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(),
        "HARU_PAYLOADS__KEYS": new_key(),
        "HARU_BROKER__REST_URL": real_service,
        "HARU_BROKER__STREAM_URL": real_service.replace("http", "ws", 1),
    }
    await ensure_search_attributes(await Client.connect(temporal_dev_server), attributes.ALL)
    environment = {**LIVE, **servers}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    database = await open_database(database_url)
    account = account_alias(Environment.LIVE, ACCOUNT)
    await database.accounts.pin(account, Environment.LIVE, key_fingerprint(load_settings()))
    await database.aclose()
    async with tls_before(temporal_dev_server, tmp_path) as proven:
        for name, value in proven.items():
            monkeypatch.setenv(name, value)
        yield environment | proven


async def start(run: Run, live: Mapping[str, str], **changes: str) -> tuple[int, str]:
    done = await asyncio.to_thread(run, "--workers", "1", "--detach", "--live", LIVE_WORD, **{**live, **changes})
    return done.returncode, done.stderr


PROVEN = {
    "TEMPORAL_ADDRESS": "127.0.0.1:9",
    "TEMPORAL_TLS": "true",
    "TEMPORAL_API_KEY": "a key",
    "HARU_PAYLOADS__KEYS": new_key(),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TEMPORAL_ADDRESS": ""}, "the embedded Temporal server does not authenticate clients; set TEMPORAL_ADDRESS"),
        ({"TEMPORAL_TLS": "false"}, "is not encrypted; set TEMPORAL_TLS"),
        ({"TEMPORAL_API_KEY": ""}, "set TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_CERT_PATH"),
        ({}, ""),
    ],
)
def test_real_money_needs_a_temporal_server_that_asks_for_proof(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], message: str
) -> None:
    for name, value in {**LIVE, **PROVEN, **changes}.items():
        if value:
            monkeypatch.setenv(name, value)

    why = open_to_strangers(load_settings())

    assert message in why
    assert bool(why) == bool(message)


async def test_a_live_worker_without_such_a_server_never_starts(tmp_path: Path) -> None:
    environment = {**LIVE, "HARU_PAYLOADS__KEYS": new_key(), "HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode()}

    code, said = await ends(tmp_path / "data", **environment)

    assert code == 1
    refusal = "real money is not traded as root" if os.geteuid() == 0 else "real money: the embedded Temporal server"
    assert f"\nworker.py: {refusal}" in said
    assert not (tmp_path / "data").exists()


async def test_changes_of_rules_are_refused_by_the_same_names(run: Run, live: Mapping[str, str]) -> None:
    code, said = await start(run, live, HARU_RULES__EXECUTION__GREATEST_QUOTE_AGE="2m")
    assert (code, "greatest_quote_age" in said) == (1, True)
    code, said = await start(run, live, HARU_RULES__EXECUTION__GREATEST_QUOTE_AGE="5s")
    assert code == 0, said

    async def rules(*changes: str, **settings: str) -> str:
        done = await asyncio.to_thread(run, "rules", "all", *changes, **{**live, **settings})
        return done.stdout + done.stderr

    assert "HARU_BROKER__LIVE_ACCEPTS=old_quotes" in await rules("execution.greatest_quote_age=90s")
    unanswered = "no answer within"  # no process hosts the worker: the change was sent
    assert unanswered in await rules("execution.greatest_quote_age=90s", HARU_BROKER__LIVE_ACCEPTS="old_quotes")
    said = await rules("risk.fleet_daily_loss=200,000,000")
    assert "more than the account holds (100,000,000 won)" in said
    assert "HARU_BROKER__LIVE_ACCEPTS=loss_limit_above_account" in said


async def test_the_check_up_names_dangers_and_what_the_account_holds(run: Run, live: Mapping[str, str]) -> None:
    risky = {"HARU_RULES__RISK__CAPITAL_PER_TRADE": "100,000,001", "HARU_ALERTS__URLS": ""}
    done = await asyncio.to_thread(run, "doctor", "--json", **{**live, **risky})
    lines = {line["check"]: line for line in json.loads(done.stdout)}

    assert done.returncode == 1
    assert (lines["real money"]["verdict"], lines["worth"]["verdict"]) == ("fail", "fail")
    assert "no channel for alerts" in lines["real money"]["text"]
    assert "capital_above_account" in lines["worth"]["text"]
    assert lines["alerts"]["verdict"] == "warn"


async def test_limits_above_the_account_stop_the_start_and_on_later_days_the_entries(
    live: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("HARU_RULES__RISK__CAPITAL_PER_TRADE", "100,000,001")
    settings = load_settings()
    place = place_of(settings, Endpoints())
    pace = RealPace(place.clock)
    async with open_fleet(settings) as fleet:
        day = session_date_of(fleet.market_now())
        dangers = partial(account_dangers, settings, settings.rules)
        away = replace(place, broker_url=f"http://127.0.0.1:{unused_port}")
        async with broker_for(settings, away, fleet.database, pace) as broker:
            await hosting._check_limits(settings, broker)  # a broker that is down is asked later
            await WorthDuty(fleet, broker, dangers).look()
        assert await fleet.database.risk.closed_because(fleet.account_id, day) == ()

        async with broker_for(settings, place, fleet.database, pace) as broker:
            with pytest.raises(SettingsError, match="capital_above_account"):
                await hosting._check_limits(settings, broker)
            duty = WorthDuty(fleet, broker, dangers)
            for _ in range(2):
                await duty.look()

        assert await fleet.database.risk.closed_because(fleet.account_id, day) == (SHUT_BECAUSE,)
        kinds = [event.kind for event in await fleet.database.events.latest(fleet.account_id, 10)]
        assert kinds.count(EventKind.LIMITS_ABOVE_ACCOUNT) == 1
        async with broker_for(settings, place, fleet.database, pace) as broker:
            await WorthDuty(fleet, broker, lambda _: {}).look()  # after a restart that accepts it
        assert await fleet.database.risk.closed_because(fleet.account_id, day) == ()
