"""Tokens and the rate limit, counted in real time."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from simulator.app import create_app
from simulator.simulation import Simulation
from tests.simulator.market_day import KEY, PREFIX, SAMSUNG, SECRET, a_simulation

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


class Wall:
    """Real time that a test controls."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def passes(self, **duration: float) -> None:
        self.time += timedelta(**duration)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def simulation(wall: Wall) -> Simulation:
    return a_simulation(now=wall, rate_limit=18)


@pytest.fixture
def http(simulation: Simulation) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(simulation)), base_url="http://simulator")


async def issue(http: httpx.AsyncClient, key: str = KEY, secret: str = SECRET) -> tuple[int, Any]:
    body = {"grant_type": "client_credentials", "appkey": key, "appsecret": secret}
    reply = await http.post("/oauth2/tokenP", json=body)
    return reply.status_code, reply.json()


async def price(http: httpx.AsyncClient, token: str, **headers: str) -> tuple[int, str]:
    head = {"authorization": f"Bearer {token}", "appkey": KEY, "appsecret": SECRET, "tr_id": "FHKST01010100"} | headers
    reply = await http.get(f"{PREFIX}/quotations/inquire-price", params=STOCK, headers=head)
    return reply.status_code, reply.json()["msg_cd"]


async def test_a_token_lives_a_day_and_says_so_in_seoul_time(http: httpx.AsyncClient, wall: Wall) -> None:
    _, token = await issue(http)

    assert token["expires_in"] == 86_400
    assert token["access_token_token_expired"] == "2026-11-24 09:00:00"
    assert await price(http, token["access_token"]) == (200, "MCA00000")
    wall.passes(hours=24)
    assert await price(http, token["access_token"]) == (500, "EGW00123")


async def test_a_second_token_within_a_minute_is_refused(http: httpx.AsyncClient, wall: Wall) -> None:
    await issue(http)
    wall.passes(seconds=59)

    status, body = await issue(http)

    assert (status, body["error_code"]) == (403, "EGW00133")


async def test_within_six_hours_the_same_token_comes_again(http: httpx.AsyncClient, wall: Wall) -> None:
    _, first = await issue(http)
    wall.passes(hours=5.9)
    _, second = await issue(http)
    wall.passes(minutes=10)
    _, third = await issue(http)

    assert second == first
    assert third["access_token"] != first["access_token"]


async def test_a_revoked_token_is_unknown(http: httpx.AsyncClient) -> None:
    _, token = await issue(http)

    reply = await http.post(
        "/oauth2/revokeP", json={"appkey": KEY, "appsecret": SECRET, "token": token["access_token"]}
    )

    assert reply.json()["code"] == 200
    assert await price(http, token["access_token"]) == (500, "EGW00121")


@pytest.mark.parametrize(
    ("key", "secret", "code"), [("short", SECRET, "EGW00103"), (KEY, "short", "EGW00105"), (KEY, "t" * 180, "EGW00105")]
)
async def test_keys_that_are_not_well_formed_or_known_are_refused(
    http: httpx.AsyncClient, key: str, secret: str, code: str
) -> None:
    await issue(http)

    status, body = await issue(http, key, secret)

    assert (status, body["error_code"]) == (403, code)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "Bearer nonsense"}, "EGW00121"),
        ({"authorization": "nonsense"}, "EGW00205"),
        ({"appsecret": "s" * 181}, "EGW00304"),
        ({"appkey": ""}, "EGW00102"),
    ],
)
async def test_calls_without_good_credentials_are_refused(
    http: httpx.AsyncClient, headers: dict[str, str], code: str
) -> None:
    _, token = await issue(http)

    assert await price(http, token["access_token"], **headers) == (500, code)


async def test_the_nineteenth_call_in_a_second_is_refused(
    http: httpx.AsyncClient, wall: Wall, simulation: Simulation
) -> None:
    _, token = await issue(http)

    codes = []
    for _ in range(20):
        codes.append((await price(http, token["access_token"]))[1])
        wall.passes(milliseconds=10)
    wall.passes(seconds=0.85)

    assert codes == ["MCA00000"] * 18 + ["EGW00201"] * 2
    assert (await price(http, token["access_token"]))[1] == "MCA00000"
    assert (simulation.calls.most_in_a_second, simulation.calls.refused) == (20, 2)


async def test_control_calls_do_not_count(http: httpx.AsyncClient, simulation: Simulation) -> None:
    for _ in range(30):
        await http.get("/control/status")

    assert simulation.calls.total == 0


async def test_the_middle_of_a_token_is_json_with_the_app_key_as_its_jti(http: httpx.AsyncClient, wall: Wall) -> None:
    _, reply = await issue(http)

    text = reply["access_token"]
    middle = text.split(".")[1]
    claims = json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert (claims["jti"], claims["iss"]) == (KEY, "unogw")
    assert claims["exp"] - claims["iat"] == reply["expires_in"]
    assert claims["iat"] == wall.time.timestamp()
    assert len(f"Bearer {text}") <= 350
