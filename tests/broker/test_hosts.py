"""A KIS key goes only to KIS's own address; the check parses the address that the clients really connect to."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from websockets.exceptions import InvalidURI

from broker.kis import KisConnection
from broker.kis.connection import host_of
from broker.kis.stream import StreamAddress
from broker.kis.stream_line import open_line
from broker.kis.wire import Wire
from domain.errors import EnvironmentMismatchError, StreamLostError
from domain.hosts import REST_URLS, STREAM_URLS, is_of_kis
from domain.identity import LIVE_WORD, Environment
from runtime.broker_settings import BrokerSettings, QuotationsSettings
from tests.broker.parts import a_connection
from tests.broker.spellings import LIVE, SPELLINGS

KIS_KEY = "PS" + "k" * 34
STREAM_SPELLINGS = tuple(
    spelling.replace("https", "ws", 1).replace("openapi", "ops").replace("9443", "21000") for spelling in SPELLINGS
)


class Dialled(list[tuple[str, int]]):
    """Addresses to which the clients of this process tried to connect."""


@pytest.fixture
async def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    """Block every connection; record its host and port."""
    calls, loop = Dialled(), asyncio.get_running_loop()

    async def resolve(host: Any, port: Any, **_: Any) -> Any:
        calls.append((host.decode() if isinstance(host, bytes) else host, int(port)))
        raise socket.gaierror("nowhere")

    async def connect(_: Any, host: Any = None, port: Any = None, **__: Any) -> Any:
        calls.append((str(host), int(port)))
        raise ConnectionRefusedError

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "create_connection", connect)
    return calls


def connected(url: str, key: str = KIS_KEY, environment: Environment = Environment.LIVE) -> KisConnection:
    return replace(a_connection(Environment.LIVE), environment=environment, trading_url=url, app_key=SecretStr(key))


def plain(host: str) -> str:
    """Return an IP address in its usual spelling, any other host unchanged."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def live_settings(**urls: str) -> BrokerSettings:
    account = {"account": "12345678-01", "live_account": "12345678-01", "live_confirmation": LIVE_WORD}
    keys = {"app_key": KIS_KEY, "app_secret": "s" * 180, "hts_id": "somebody"}
    return BrokerSettings.model_validate({"environment": "live", **account, **keys, **urls})


def test_there_are_spellings_enough() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 64


@pytest.mark.parametrize("url", SPELLINGS)
async def test_with_a_key_of_kis_the_client_takes_one_spelling(url: str, dialled: Dialled) -> None:
    if url != LIVE:
        with pytest.raises(EnvironmentMismatchError):
            connected(url)
        return
    wire = Wire(connected(url))
    with pytest.raises(httpx.ConnectError):
        await wire.get_root()

    assert dialled == [("openapi.koreainvestment.com", 9443)]


@pytest.mark.parametrize("url", SPELLINGS)
def test_what_the_settings_take_has_become_the_one_spelling(url: str) -> None:
    with suppress(ValidationError):
        assert str(live_settings(rest_url=url).rest_url).rstrip("/") == LIVE
    with suppress(ValidationError):
        found = QuotationsSettings.model_validate({"app_key": KIS_KEY, "app_secret": "s" * 180, "rest_url": url})
        assert str(found.rest_url).rstrip("/") == LIVE


@pytest.mark.parametrize("url", STREAM_SPELLINGS)
def test_the_stream_too_has_one_spelling(url: str) -> None:
    with suppress(ValidationError):
        assert str(live_settings(stream_url=url).stream_url).rstrip("/") == STREAM_URLS[Environment.LIVE]
    if url != STREAM_URLS[Environment.LIVE]:
        with pytest.raises(EnvironmentMismatchError):
            StreamAddress(url, "trader").check(connected(LIVE))


@pytest.mark.parametrize("url", SPELLINGS)
async def test_the_host_that_is_checked_is_the_host_that_is_dialled(url: str, dialled: Dialled) -> None:
    """A made-up key may be tried at other servers, but not at KIS's, whatever the spelling."""
    try:
        connection = connected(url, "HARU-" + "k" * 31, Environment.SIMULATED)
    except EnvironmentMismatchError:
        return
    host = host_of(url)
    assert not is_of_kis(host)
    wire = Wire(connection)
    with pytest.raises(httpx.RequestError):
        await wire.get_root()

    assert {plain(dialled_host) for dialled_host, _ in dialled} == {plain(host)}


@pytest.mark.parametrize("url", STREAM_SPELLINGS)
async def test_the_host_of_the_stream_is_dialled_as_it_is_checked(url: str, dialled: Dialled) -> None:
    try:
        host = host_of(url)
    except EnvironmentMismatchError:
        return
    with suppress(StreamLostError, InvalidURI, ValueError):
        async with open_line(f"{url}/tryitout", 1):
            pass

    assert {plain(dialled_host) for dialled_host, _ in dialled} <= {plain(host)}


@pytest.mark.parametrize("environment", [Environment.LIVE, Environment.PAPER])
def test_each_environment_has_its_own_hosts(environment: Environment) -> None:
    other = ({Environment.LIVE, Environment.PAPER} - {environment}).pop()

    assert connected(REST_URLS[environment], environment=environment).is_of_kis
    StreamAddress(STREAM_URLS[environment], "t").check(connected(REST_URLS[environment], environment=environment))
    with pytest.raises(EnvironmentMismatchError):
        connected(REST_URLS[other], environment=environment)
    with pytest.raises(EnvironmentMismatchError):
        StreamAddress(STREAM_URLS[other], "t").check(connected(REST_URLS[environment], environment=environment))


def test_beside_a_simulator_only_its_own_host_is_the_stream() -> None:
    rehearsal = connected("http://127.0.0.1:9443", "HARU-" + "k" * 31, Environment.PAPER)

    StreamAddress("ws://127.0.0.1:31000", "t").check(rehearsal)
    for url in ("ws://127.0.0.2:9443", STREAM_URLS[Environment.PAPER], "ws://127.0.0.1:9443/?"):
        with pytest.raises(EnvironmentMismatchError):
            StreamAddress(url, "t").check(rehearsal)


def test_an_error_shows_no_password_of_an_address() -> None:
    with pytest.raises(EnvironmentMismatchError) as caught:
        connected("https://user:geheim@evil.example:9443\x1b[31m")

    assert "geheim" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
