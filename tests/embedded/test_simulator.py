"""The simulator as an embedded part: one market over restarts, and the same market for whoever connects."""

from pathlib import Path

import httpx
import pytest

from embedded import simulator as simulator_module
from embedded.endpoints import Endpoints
from embedded.errors import PartFailedError
from embedded.finding import find_endpoints
from embedded.parts import EmbeddedParts
from embedded.simulator import market_of
from settings import load_settings


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

        async with EmbeddedParts(load_settings()) as parts:
            expected = Endpoints(simulator_url=elsewhere.endpoints.simulator_url, market=elsewhere.endpoints.market)
            assert parts.endpoints == expected
            assert await find_endpoints(load_settings()) == expected


async def test_nothing_is_found_where_nothing_runs() -> None:
    assert await find_endpoints(load_settings()) is None


async def test_no_simulator_at_the_configured_address_is_told(
    monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setattr(simulator_module, "_ATTEMPTS", 1)
    monkeypatch.setattr(simulator_module, "_PAUSE", 0)

    with pytest.raises(PartFailedError, match="HARU_SIMULATOR__URL"):
        await market_of(f"http://127.0.0.1:{unused_port}")
