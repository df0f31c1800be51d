"""The configuration decides the stream's address and key, and whether there is a stream."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr, WebsocketUrl

from activities.market.quote_feed import QuoteFeed
from activities.support.pace import RealPace
from broker.kis import KisBroker
from database.database import Database, open_database
from domain.clock import LIVE_CLOCK
from domain.errors import EnvironmentMismatchError
from domain.identity import LIVE_WORD, Environment
from runtime.account_names import account_of
from runtime.broker_settings import BrokerSettings, StreamSettings
from runtime.composition import Collaborators, broker_for
from runtime.embedded.endpoints import Endpoints
from runtime.place import place_of
from runtime.settings import Settings
from runtime.stream import streaming_for
from tests.support.stepping import CALENDAR

SIMULATED = Endpoints(database_url="postgresql://nowhere/haru", simulator_url="http://127.0.0.1:9443")


def settings_of(environment: Environment, **broker: Any) -> Settings:
    keys: dict[str, Any] = {
        "app_key": SecretStr("HARU-" + "k" * 31),
        "app_secret": SecretStr("s" * 180),
        "account": "12345678-01",
        "hts_id": "trader",
    }
    named: dict[str, Any] = {
        "environment": environment,
        **(keys if environment is not Environment.SIMULATED else {}),
        "live_confirmation": LIVE_WORD,
        "live_account": "12345678-01",
    }
    rules: Any = {"risk": {"fleet_daily_loss": "2000000"}}
    return Settings(broker=BrokerSettings(**(named | broker)), rules=rules)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (Environment.SIMULATED, "ws://127.0.0.1:9443"),
        (Environment.PAPER, "ws://ops.koreainvestment.com:31000"),
        (Environment.LIVE, "ws://ops.koreainvestment.com:21000"),
    ],
)
def test_each_environment_has_its_own_stream(environment: Environment, url: str) -> None:
    assert place_of(settings_of(environment), SIMULATED).stream_url == url


def test_a_configured_address_wins() -> None:
    settings = settings_of(Environment.PAPER, stream_url=WebsocketUrl("ws://10.0.0.1:31000"))

    assert place_of(settings, SIMULATED).stream_url == "ws://10.0.0.1:31000"


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, 2)
    yield database
    await database.aclose()


def with_feed(broker: KisBroker, database: Database) -> Collaborators:
    pace = RealPace(LIVE_CLOCK)
    return Collaborators(broker, database, pace, CALENDAR, feed=QuoteFeed(broker, pace))


async def test_a_stream_that_is_switched_off_is_none(books: Database) -> None:
    settings = settings_of(Environment.SIMULATED)
    place = place_of(settings, SIMULATED)
    async with broker_for(settings, place, books, RealPace(LIVE_CLOCK)) as broker:
        off = settings.model_copy(update={"stream": StreamSettings(enabled=False)})
        assert streaming_for(off, place, broker, with_feed(broker, books)) is None
        streaming = streaming_for(settings, place, broker, with_feed(broker, books))

    assert streaming is not None
    assert streaming._owner.account_id == account_of(settings)
    assert streaming._owner.most_stocks == 39, "order notices and market phases take two of the 41 registrations"


async def test_the_simulated_account_does_not_listen_to_kis(books: Database) -> None:
    settings = settings_of(Environment.SIMULATED)
    place = replace(place_of(settings, SIMULATED), stream_url="ws://ops.koreainvestment.com:21000")
    async with broker_for(settings, place, books, RealPace(LIVE_CLOCK)) as broker:
        with pytest.raises(EnvironmentMismatchError):
            streaming_for(settings, place, broker, with_feed(broker, books))
