"""Quotations from the real service with orders to paper: two keys, two tokens, two budgets, two simulators."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from activities.support.pace import RealPace
from broker.kis import KisBroker
from database.database import Database, open_database
from domain.clock import LIVE_CLOCK
from domain.errors import CredentialsRefusedError, EnvironmentMismatchError
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Symbol
from domain.order import Accepted, OrderIntent, OrderType
from runtime.account_names import account_of
from runtime.broker_settings import BrokerSettings, QuotationsSettings
from runtime.composition import broker_for
from runtime.place import Place
from runtime.settings import Settings
from tests.broker.parts import an_intent

ROOT = Path(__file__).parents[2]
SYMBOLS = [Symbol("005930"), Symbol("000660")]
PAPER_KEY, REAL_KEY = "HARU-" + "P" * 31, "HARU-" + "R" * 31


@contextmanager
def simulator(environment: str) -> Iterator[str]:
    market = ["--manual", "--clock", "2026-11-23 10:00:00", "--listings", "10", "--environment", environment]
    unlimited = ["--rate-limit", "0", "--token-interval", "0"]
    command = [sys.executable, "-m", "simulator", "--port", "0", *market, *unlimited]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().removeprefix("simulator ready on ").strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with simulator("real") as url:
        yield url


@pytest.fixture(scope="module")
def paper() -> Iterator[str]:
    with simulator("paper") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.aclose()


def settings_for(real: str, key: str = REAL_KEY, secret: str = "t" * 180) -> Settings:
    return Settings(
        broker=BrokerSettings(
            environment=Environment.PAPER,
            app_key=SecretStr(PAPER_KEY),
            app_secret=SecretStr("s" * 180),
            account="50067821-01",
            hts_id="somebody",
            token_key=SecretStr(Fernet.generate_key().decode()),
        ),
        quotations=QuotationsSettings.model_validate({"app_key": key, "app_secret": secret, "rest_url": real}),
    )


def a_broker(settings: Settings, paper: str, database: Database) -> KisBroker:
    place = Place("", None, "", paper, "", LIVE_CLOCK)
    return broker_for(settings, place, database, RealPace(LIVE_CLOCK))


def calls(url: str) -> dict[str, int]:
    found: dict[str, Any] = httpx.get(f"{url}/control/status").json()["calls"]["by_tr_id"]
    return found


async def test_prices_come_from_the_real_service_and_orders_go_to_paper(
    real: str, paper: str, database: Database, database_url: str
) -> None:
    settings = settings_for(real)
    async with a_broker(settings, paper, database) as broker:
        await broker.check_access(Lane.RESOLVE)
        quotes = await broker.quotes(SYMBOLS, Lane.SCAN)
        leaders = await broker.volume_leaders(5, Lane.SCAN)
        outcome = await broker.submit(at_market(an_intent()), Lane.ENTRY)
        await broker.balance(Lane.RESOLVE)

    assert all(quote.shows_book and quote.bid for quote in quotes.values())
    assert len(leaders) == 5
    assert broker.most_stocks_per_scan is None
    assert isinstance(outcome, Accepted)
    at_real, at_paper = calls(real), calls(paper)
    assert {"FHKST11300006", "FHPST01710000"} <= at_real.keys()
    assert not [tr_id for tr_id in at_real if tr_id.startswith(("TTTC", "VTTC"))]
    assert at_paper.keys() >= {"VTTC0012U", "VTTC8434R"}
    assert not [tr_id for tr_id in at_paper if tr_id.startswith("FH")]
    await keys_share_nothing(database_url, account_of(settings))


async def keys_share_nothing(database_url: str, account: str) -> None:
    connection = await asyncpg.connect(database_url)
    tokens = await connection.fetch("SELECT DISTINCT value FROM broker_tokens WHERE value IS NOT NULL")
    rows = await connection.fetch("SELECT account_id, count(*) FROM rate_slots GROUP BY account_id")
    slots: dict[str, int] = {row["account_id"]: row["count"] for row in rows}
    await connection.close()
    assert len(tokens) == 2
    (other,) = set(slots) - {account}
    assert (slots[account], slots[other]) == (1, 18)
    assert REAL_KEY not in other


def at_market(intent: OrderIntent) -> OrderIntent:
    return replace(intent, order_type=OrderType.MARKET, limit_price=None)


async def test_a_real_key_that_the_real_host_refuses_is_found_out_at_the_start(
    real: str, paper: str, database: Database
) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(f"{real}/oauth2/tokenP", json={"appkey": "HARU-" + "W" * 31, "appsecret": "t" * 180})
    wrong = settings_for(real, key="HARU-" + "W" * 31, secret="u" * 180)  # another secret than the host's

    async with a_broker(wrong, paper, database) as broker:
        with pytest.raises(CredentialsRefusedError, match="tokenP"):
            await broker.check_access(Lane.RESOLVE)


async def test_only_paper_orders_may_have_another_key_for_quotations(real: str, paper: str, database: Database) -> None:
    settings = settings_for(real)
    simulated = settings.broker.model_copy(update={"environment": Environment.SIMULATED})

    with pytest.raises(EnvironmentMismatchError):
        a_broker(settings.model_copy(update={"broker": simulated}), paper, database)
