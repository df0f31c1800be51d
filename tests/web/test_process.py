"""The page's own process: its links, its kept key, a taken port, and its end with its host."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.runtime.embedded.processes import ROOT


@contextmanager
def page_process(folder: Path, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """Start the process as a host does; it must be gone at the end."""
    environment = {**os.environ, "HARU_DATA_DIR": str(folder), "HARU_WEB__PORT": "0", **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "web.process"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_configured")
def test_it_prints_two_links_keeps_its_key_and_ends_with_its_host(tmp_path: Path) -> None:
    keys, readers = [], ""
    for _ in range(2):
        with page_process(tmp_path) as process:
            operators, readers = said(process), said(process)
            link = operators.removeprefix("Page: ")
            keys.append(httpx.URL(link).params["key"])
            opened = httpx.get(link, trust_env=False)
            assert (opened.status_code, "set-cookie" in opened.headers) == (303, True)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait() == 0

    assert readers.startswith("Read-only: http://127.0.0.1:")
    assert keys[0] == keys[1]
    assert (tmp_path / "web" / "link.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="no /proc of Linux")
@pytest.mark.usefixtures("nothing_configured")
def test_it_gives_way_to_trading_in_time_and_memory(tmp_path: Path) -> None:
    with page_process(tmp_path) as process:
        assert said(process).startswith("Page: ")
        score = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text(encoding="ascii"))
        nice = os.getpriority(os.PRIO_PROCESS, process.pid)

    assert score == 1000
    assert nice > os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_configured")
def test_a_taken_port_is_said_and_nothing_else_happens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with page_process(tmp_path, HARU_WEB__PORT=str(port)) as process:
            text = said(process)
            assert process.wait() == 1
    assert text.startswith(f"The page is not served: port {port} of 127.0.0.1 cannot be used")
    assert text.endswith("choose another HARU_WEB__PORT")


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_configured")
def test_an_open_page_without_protection_is_not_served(tmp_path: Path) -> None:
    with page_process(tmp_path, HARU_WEB__HOST="0.0.0.0") as process:
        assert process.stdout is not None
        text = process.stdout.read()
        assert process.wait() == 1
    assert "HARU_WEB__TLS_CERTIFICATE" in text
    assert "web-password" in text


def test_a_page_that_eats_memory_fails_itself_and_is_the_first_to_be_killed() -> None:
    eats = """
from pathlib import Path
from web.process import give_way
give_way()
score = Path("/proc/self/oom_score_adj")
print(score.read_text().strip() if score.exists() else "1000", flush=True)
try:
    bytearray(8 << 30)
except MemoryError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", eats], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1000", "refused"]
