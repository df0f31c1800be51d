"""worker.py in a broken environment: one clear line, a non-zero exit code and no processes left."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from domain.clock import MarketClock
from domain.hosts import PROOF_PATH, proof_of
from fleet.clocks import system_now
from runtime.embedded.folder import hold_folder
from security.sealing.keys import new_key
from tests.runtime.embedded.processes import FREE_PORTS

ROOT = Path(__file__).resolve().parent.parent
KEYS = {
    "HARU_BROKER__APP_KEY": "HARU-" + "k" * 31,
    "HARU_BROKER__APP_SECRET": "s" * 180,
    "HARU_BROKER__ACCOUNT": "50000000-01",
    "HARU_BROKER__HTS_ID": "somebody",
}


@asynccontextmanager
async def a_broker_that_talks_nonsense(
    header: str = "", market: str = "<html>hello</html>", *, proves: bool = True
) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a page, and the simulator's proof to clients that ask for it; yield the address and the requests."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(length[0].partition(":")[2]) if length else 0)
                asked.append(head + body.decode())
                path = head.split()[1]
                said = market if path == "/control/status" else "<html>hello</html>"
                if proves and path == PROOF_PATH:
                    said = json.dumps({"proof": proof_of(json.loads(body)["challenge"])})
                answer = f"HTTP/1.1 200 OK\r\n{header}Content-Type: text/html\r\nContent-Length: {len(said)}\r\n\r\n"
                writer.write(answer.encode() + said.encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def ends(folder: Path, *words: str, **variables: str) -> tuple[int, str]:
    """Run ``worker.py`` until it exits; return its exit code and its output."""
    environment = {**os.environ, "HARU_DATA_DIR": str(folder), **FREE_PORTS, **variables}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "worker.py",
        *words,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 170)
    finally:
        if process.returncode is None:
            process.kill()
    return int(process.returncode or 0), said.decode()


async def test_help_is_printed_and_starts_nothing(tmp_path: Path) -> None:
    code, said = await ends(tmp_path / "data", "--help")

    assert code == 0
    assert said.startswith("usage: worker.py")
    assert "starter.py --workers" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("word", ["--wrokers", "start", "--speed=3"])
async def test_an_unknown_argument_exits_with_2_and_starts_nothing(tmp_path: Path, word: str) -> None:
    code, said = await ends(tmp_path / "data", word)

    assert code == 2
    assert said.startswith("usage: worker.py")
    assert f"unrecognized arguments: {word}" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
async def test_a_broker_that_talks_nonsense_is_refused_at_the_start(tmp_path: Path) -> None:
    async with a_broker_that_talks_nonsense() as (url, _):
        code, said = await ends(tmp_path / "data", HARU_BROKER__REST_URL=url, **KEYS)

    assert code == 1
    assert "worker.py:" in said
    assert "Traceback" not in said
    assert KEYS["HARU_BROKER__APP_SECRET"] not in said


@pytest.mark.slow
async def test_a_clock_that_is_far_from_the_brokers_is_refused_at_the_start(tmp_path: Path) -> None:
    late = format_datetime(system_now() + timedelta(minutes=5), usegmt=True)
    async with a_broker_that_talks_nonsense(f"Date: {late}\r\n") as (url, _):
        code, said = await ends(tmp_path / "data", HARU_BROKER__REST_URL=url, **KEYS)

    assert code == 1
    assert "s behind the broker, more than 10 s; set the clock by NTP" in said


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["simulated", "paper"])
async def test_a_server_that_is_no_simulator_is_refused_before_it_gets_a_key(tmp_path: Path, environment: str) -> None:
    market = MarketClock(system_now(), system_now(), 10)
    clock = {"real_anchor": market.real_anchor.isoformat(), "market_anchor": market.market_anchor.isoformat()}
    status = json.dumps({"clock": {**clock, "speed": 10}, "seed": 7})
    async with a_broker_that_talks_nonsense(market=status, proves=False) as (url, asked):
        where = {"HARU_SIMULATOR__URL": url} if environment == "simulated" else {"HARU_BROKER__REST_URL": url, **KEYS}
        code, said = await ends(tmp_path / "data", **where)

    assert code == 1
    assert "does not prove to be a simulator; nothing was sent to it" in said
    assert "Traceback" not in said
    assert asked
    assert not any("HARU-" in request or "TTTC" in request or "oauth2" in request for request in asked)


async def test_a_database_that_machines_share_needs_a_key_that_they_share(tmp_path: Path, unused_port: int) -> None:
    url = f"postgresql://haru:secret@127.0.0.1:{unused_port}/haru"
    code, said = await ends(tmp_path / "data", DATABASE_URL=url, **KEYS)

    assert code == 1
    assert "HARU_BROKER__TOKEN_KEY" in said
    assert "starter.py new-key" in said


async def test_a_misspelt_variable_is_named_with_the_right_one(tmp_path: Path) -> None:
    code, said = await ends(tmp_path / "data", HARU_SIMULATOR__SPED="3")

    assert code == 1
    assert "HARU_SIMULATOR__SPED" in said
    assert "HARU_SIMULATOR__SPEED" in said


async def test_a_postgres_that_is_not_there_is_named(tmp_path: Path, unused_port: int) -> None:
    url = f"postgresql://haru:secret@127.0.0.1:{unused_port}/haru"
    code, said = await ends(tmp_path / "data", DATABASE_URL=url)

    assert code == 1
    assert f"127.0.0.1:{unused_port}" in said
    assert "DATABASE_URL" in said
    assert "secret" not in said


@pytest.mark.slow
async def test_a_postgres_that_fails_once_it_is_open_is_named(
    tmp_path: Path, database_url: str, temporal_dev_server: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE accounts RENAME TO lost")

    servers = {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal_dev_server,
        "HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(),
        "HARU_PAYLOADS__KEYS": new_key(),
    }
    code, said = await ends(tmp_path / "data", **servers, **KEYS)

    assert code == 1
    assert "\nworker.py: PostgreSQL at " in f"\n{said}"
    assert "its tables are missing; run `python starter.py migrate`" in said
    assert "Traceback" not in said


async def test_a_second_host_on_the_folder_of_embedded_servers_is_refused_with_what_to_do(tmp_path: Path) -> None:
    first = await hold_folder(tmp_path)
    try:
        code, said = await ends(tmp_path)
    finally:
        first.release()

    assert code == 1
    assert f"is in use: process {os.getpid()} on " in said
    assert "a second host needs DATABASE_URL and TEMPORAL_ADDRESS, the servers of the first" in said
    assert "Traceback" not in said
