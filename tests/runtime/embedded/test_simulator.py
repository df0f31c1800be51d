"""The simulator as an embedded part: one market over restarts, and the same market for every client."""

import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from activities.support.pace import RealPace
from broker.kis import KisBroker
from domain.lane import Lane
from fleet.clocks import system_now
from runtime.composition import connection_of
from runtime.embedded.errors import PartFailedError
from runtime.embedded.finding import find_endpoints
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.simulator import market_of
from runtime.place import place_of
from runtime.settings import load_settings
from tests.broker.parts import Budget, Tokens
from tests.lab.recorded_days import DAYS, STOCKS, a_store


@pytest.fixture(autouse=True)
def only_the_simulator_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HARU_DATA_DIR": str(tmp_path / "haru"),
        "HARU_PORTS__SIMULATOR": "0",
        "DATABASE_URL": "postgresql://user@127.0.0.1:9/haru",
        "TEMPORAL_ADDRESS": "127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


async def test_a_restart_continues_the_same_market() -> None:
    async with EmbeddedParts(load_settings()) as parts:
        first = parts.endpoints

    async with EmbeddedParts(load_settings()) as parts:
        assert parts.endpoints.market == first.market
        assert await find_endpoints(load_settings()) == parts.endpoints
        status = httpx.get(f"{parts.endpoints.simulator_url}/control/status", timeout=5).json()  # noqa: ASYNC210

    assert first.market is not None
    assert status["seed"] == first.market.seed == 7
    assert status["speed"] == 10


async def test_a_simulator_elsewhere_gives_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EmbeddedParts(load_settings()) as elsewhere:
        monkeypatch.setenv("HARU_SIMULATOR__URL", elsewhere.endpoints.simulator_url or "")
        monkeypatch.setenv("HARU_SIMULATOR__CONTROL_TOKEN", elsewhere.endpoints.control_token or "")

        async with EmbeddedParts(load_settings()) as parts:
            expected = replace(elsewhere.endpoints, pid=None)
            assert parts.endpoints == expected
            assert await find_endpoints(load_settings()) == expected


async def test_nothing_is_found_where_nothing_runs() -> None:
    assert await find_endpoints(load_settings()) is None


async def test_no_simulator_at_the_configured_address_is_reported(unused_port: int) -> None:
    with pytest.raises(PartFailedError, match="HARU_SIMULATOR__URL"):
        await market_of(f"http://127.0.0.1:{unused_port}", attempts=1)


async def test_the_simulated_exchange_keeps_the_operators_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_CALENDAR__CLOSURES", "2026-11-24")
    monkeypatch.setenv("HARU_CALENDAR__SESSIONS", "2026-12-31")
    monkeypatch.setenv("HARU_CALENDAR__HOURS", "2026-11-23=10:00-16:20-16:30")
    monkeypatch.setenv("HARU_SIMULATOR__START", "2026-11-23 09:30:00")
    monkeypatch.setenv("HARU_SIMULATOR__SPEED", "1")
    settings = load_settings()

    async with EmbeddedParts(settings) as parts:
        assert parts.endpoints.market is not None
        place = place_of(settings, parts.endpoints)
        connection = connection_of(settings, place)
        async with KisBroker(connection, Budget(), Tokens(now=system_now), RealPace(place.clock).now) as broker:
            days = [date(2026, 11, 23), date(2026, 11, 24), date(2026, 12, 31)]
            open_days = [await broker.is_session_day(day, Lane.SCAN) for day in days]
        status = httpx.get(f"{parts.endpoints.simulator_url}/control/status", timeout=5).json()  # noqa: ASYNC210

    assert open_days == [True, False, True]
    assert status["phase"] != "continuous"


async def test_the_control_api_wants_the_token_of_the_endpoints(tmp_path: Path) -> None:
    async with EmbeddedParts(load_settings()) as parts:
        first = parts.endpoints
        async with httpx.AsyncClient(base_url=str(first.simulator_url), trust_env=False) as client:
            refused = await client.get("/control/accounts")
            changed = await client.post("/control/faults", json=[])
            shown = await client.get("/control/accounts", headers=first.control_headers)
    token = tmp_path / "haru" / "simulator" / "control.token"

    assert (refused.status_code, changed.status_code, shown.status_code) == (401, 401, 200)
    assert token.read_text() == first.control_token
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert str(first.control_token) not in str(first)


async def test_each_start_has_a_token_of_its_own() -> None:
    tokens = []
    for _ in range(2):
        async with EmbeddedParts(load_settings()) as parts:
            tokens.append(parts.endpoints.control_token)

    assert len(set(tokens)) == 2


async def test_recorded_bars_are_played_and_nothing_else_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_store(tmp_path / "bars", DAYS[:1], STOCKS[:2])
    monkeypatch.setenv("HARU_SIMULATOR__BARS", str(tmp_path / "bars"))
    monkeypatch.setenv("HARU_SIMULATOR__START", f"{DAYS[0]}T10:00:00")

    async with EmbeddedParts(load_settings()) as parts:
        endpoints = parts.endpoints
        headers = endpoints.control_headers
        listed = httpx.get(f"{endpoints.simulator_url}/control/symbols", headers=headers, timeout=5)  # noqa: ASYNC210

    assert {symbol for symbol in STOCKS if f'"{symbol}"' in listed.text} == set(STOCKS[:2])
    assert '"000270"' not in listed.text
