"""Probes learn whether a host's event loop turns and whether it takes work, and nothing else."""

import asyncio

import httpx
import pytest

from runtime.health import HealthAddressError, serving_health


async def test_a_host_is_live_from_the_start_and_ready_while_it_takes_work(unused_port: int) -> None:
    address = f"127.0.0.1:{unused_port}"
    async with serving_health(address) as health, httpx.AsyncClient(base_url=f"http://{address}") as probe:
        before = [(await probe.get(path)).status_code for path in ("/live", "/ready")]
        with health.ready():
            during = (await probe.get("/ready")).status_code
        after = (await probe.get("/ready")).status_code
        others = [(await probe.get("/")).status_code, (await probe.post("/live")).status_code]

    assert before == [200, 503]
    assert (during, after) == (200, 503)
    assert others == [404, 404]


@pytest.mark.parametrize("request_", [b"\n", b"GET\n", b"\xff\xfe\n", b"GET /live" + b"x" * 100_000 + b"\n"])
async def test_a_strange_request_ends_only_its_own_connection(unused_port: int, request_: bytes) -> None:
    async with serving_health(f"127.0.0.1:{unused_port}"):
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_port)
        writer.write(request_)
        answered = await reader.read()
        writer.close()
        async with httpx.AsyncClient() as probe:
            live = await probe.get(f"http://127.0.0.1:{unused_port}/live")

    assert b"200 OK" not in answered
    assert live.status_code == 200


async def test_an_address_that_is_taken_is_named_with_its_variable(unused_port: int) -> None:
    address = f"127.0.0.1:{unused_port}"
    async with serving_health(address):
        with pytest.raises(HealthAddressError, match=f"HARU_TELEMETRY__HEALTH_ADDRESS: {address} cannot be served on"):
            async with serving_health(address):
                pass


async def test_without_an_address_nothing_is_served() -> None:
    async with serving_health(None) as health:
        assert health.answer(b"GET /live HTTP/1.1").startswith(b"HTTP/1.1 200")
