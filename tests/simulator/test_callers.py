"""Refusals of the simulator's server over real sockets: web pages, foreign hosts, missing tokens, large bodies."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulator.callers import LARGEST_BODY, BadTokenFileError, Callers, read_token
from tests.simulator.streaming import a_venue

TOKEN = "t" * 32
FAULT = {"kind": "refuse", "path": "/uapi/domestic-stock/v1/trading/order-cash"}
KEYS = {"grant_type": "client_credentials", "appkey": "PS" + "k" * 34, "appsecret": "s" * 180}


@pytest.fixture
async def open_url() -> AsyncIterator[str]:
    """A server that any program may control, like ``python -m simulator`` without a token."""
    async with a_venue(callers=Callers(frozenset({"sim.example"}))) as venue:
        yield venue.url()


@pytest.fixture
async def closed_url() -> AsyncIterator[str]:
    async with a_venue(callers=Callers(control_token=TOKEN)) as venue:
        yield venue.url()


async def faults_of(url: str, token: str = "") -> list[object]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers) as client:
        shown: list[object] = (await client.get(f"{url}/control/faults")).raise_for_status().json()
    return shown


HOSTS = {
    "127.0.0.1": 200,
    "127.0.0.1:9443": 200,
    "127.8.9.10": 200,
    "[::1]:80": 200,
    "LocalHost:1": 200,
    "sim.example": 200,
    "SIM.example:9443": 200,
    "attacker.example": 421,
    "attacker.example:9443": 421,
    "localhost.attacker.example": 421,
    "127.0.0.1.attacker.example": 421,
    "localhost.": 421,
    "foo.localhost": 421,
    "127.1": 421,
    "2130706433": 421,
    "0.0.0.0": 421,
    "10.0.0.1": 421,
    "[::2]": 421,
    "localhost@attacker.example": 421,
    "attacker.example@localhost": 421,
    "localhost:": 421,
    "": 421,
}


@pytest.mark.parametrize("path", ["/control/status", "/uapi/domestic-stock/v1/quotations/inquire-price"])
async def test_only_names_of_loopback_and_allowed_ones_are_served(open_url: str, path: str) -> None:
    async with httpx.AsyncClient() as client:
        replies = {host: await client.get(open_url + path, headers={"host": host}) for host in HOSTS}

    assert {host for host, reply in replies.items() if reply.status_code == 421} == {
        host for host, status in HOSTS.items() if status == 421
    }
    assert all("--allowed-host" in reply.json()["error"] for reply in replies.values() if reply.status_code == 421)


PAGES = (
    {"origin": "http://127.0.0.1:8000"},
    {"origin": "http://attacker.example"},
    {"origin": "https://127.0.0.1"},
    {"origin": "null"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/control/status", None),
        ("POST", "/control/faults", FAULT),
        ("POST", "//control//faults", FAULT),
        ("DELETE", "/control/faults", None),
        ("OPTIONS", "/control/faults", None),
        ("POST", "/oauth2/tokenP", KEYS),
        ("POST", "/uapi/domestic-stock/v1/trading/order-cash", {}),
        ("GET", "/uapi/domestic-stock/v1/trading/inquire-balance", None),
    ],
)
async def test_no_web_page_may_call_any_path(open_url: str, method: str, path: str, body: object) -> None:
    async with httpx.AsyncClient() as client:
        replies = [await client.request(method, open_url + path, headers=page, json=body) for page in PAGES]

    assert [reply.status_code for reply in replies] == [403] * len(PAGES)
    assert not [name for reply in replies for name in reply.headers if name.lower().startswith("access-control")]
    assert await faults_of(open_url) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        ("text/plain; application/json", 415),
    ],
)
async def test_a_change_by_the_control_api_must_be_json(open_url: str, kind: str, status: int) -> None:
    async with httpx.AsyncClient(base_url=open_url) as client:
        reply = await client.post("/control/faults", content=json.dumps(FAULT), headers={"content-type": kind})

    assert reply.status_code == status
    assert len(await faults_of(open_url)) == (status == 200)


CONTROL = [
    ("GET", "/control/accounts", None),
    ("GET", "/control/faults", None),
    ("GET", "/control/stream", None),
    ("POST", "/control/faults", FAULT),
    ("POST", "//control/faults", FAULT),
    ("POST", "/control//faults", FAULT),
    ("DELETE", "/control/faults", None),
    ("POST", "/control/clock", {"advance": 60}),
    ("POST", "/control/accounts/50000000-01/orders", {"symbol": "005930", "side": "buy", "quantity": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), CONTROL)
async def test_control_wants_its_token(closed_url: str, method: str, path: str, body: object) -> None:
    given = [{"authorization": value} for value in ("Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer t")]
    async with httpx.AsyncClient() as client:
        refused = [await client.request(method, closed_url + path, json=body, headers=each) for each in [{}, *given]]
        status = await client.get(f"{closed_url}/control/status")

    assert [each.status_code for each in refused] == [401] * 6
    assert status.status_code == 200
    assert await faults_of(closed_url, TOKEN) == []


async def test_with_its_token_control_answers(closed_url: str) -> None:
    async with httpx.AsyncClient(base_url=closed_url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        assert (await client.post("/control/faults", json=FAULT)).status_code == 200

    assert len(await faults_of(closed_url, TOKEN)) == 1


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_large_body_is_refused(open_url: str, *, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 50_000 + 1):
            yield b" " * 50_000

    content: AsyncIterator[bytes] | bytes = pieces() if chunked else b" " * (LARGEST_BODY + 1)
    async with httpx.AsyncClient(base_url=open_url) as client:
        reply = await client.post("/control/faults", content=content, headers={"content-type": "application/json"})

    assert reply.status_code == 413


@pytest.mark.parametrize("origin", ["http://127.0.0.1:1", "http://attacker.example", "null"])
async def test_no_web_page_may_open_the_stream(open_url: str, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await connect(open_url.replace("http", "ws") + "/tryitout", additional_headers={"origin": origin})


async def test_the_stream_of_a_foreign_name_is_refused(open_url: str) -> None:
    port = open_url.rsplit(":", 1)[1]
    with pytest.raises(InvalidStatus, match="403"):
        await connect(f"ws://attacker.example:{port}/tryitout", host="127.0.0.1", port=int(port))


async def test_a_program_opens_the_stream_with_an_origin_of_the_server_itself(open_url: str) -> None:
    """websocket-client, used by python-kis, sends the address that it connects to as Origin."""
    async with connect(open_url.replace("http", "ws") + "/tryitout", additional_headers={"origin": open_url}):
        pass


def test_a_token_is_read_from_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)

    assert read_token(file) == TOKEN
    assert read_token(None) == ""


@pytest.mark.parametrize(("text", "mode"), [(TOKEN, 0o644), ("short", 0o600), ("two words " * 4, 0o600), (None, 0)])
def test_a_token_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, mode: int) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)

    with pytest.raises(BadTokenFileError, match=f"--control-token {file}: "):
        read_token(file)
