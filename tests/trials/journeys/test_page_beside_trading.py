"""The page that `worker.py` starts: its crashes and a taken port neither stop nor end trading."""

import os
import re
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.journeys.real_system import RealSystem, real_system

MARKET = {"HARU_SIMULATOR__SPEED": "30", "HARU_SIMULATOR__START": "2026-11-23 10:30"}
TRADES = "SELECT count(*) FROM positions"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
def test_a_page_that_is_killed_and_a_taken_port_leave_trading_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with real_system(tmp_path, **MARKET, HARU_WEB__ENABLED="true", HARU_WEB__PORT=str(port)) as system:
            system.starts()
            system.until(lambda: f"The page is not served: port {port}" in system.log(), 120, "a word about the port")
            system.starter("--workers", "3", "--detach")
            system.until(lambda: system.number(TRADES) >= 1, 200, "a first position")
            taken.close()
            system.until(lambda: "Page: http" in system.log(), 200, "the page, once the port is free")
            opened, bought = the_page(system), system.number(TRADES)

            os.kill(page_of(system), signal.SIGKILL)
            system.until(lambda: page_of(system) not in {0, opened}, 200, "another page")
            system.until(lambda: is_served(system), 200, "an open port again")
            the_page(system)
            system.until(lambda: system.number(TRADES) > bought, 200, "the next position")
            assert system.host is not None
            assert system.host.poll() is None


def the_page(system: RealSystem) -> int:
    """Open the link that the host has printed, with all its data; return the page's process id."""
    found = re.search(r"Page: (http\S+)", system.log())
    assert found is not None
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=60) as browser:
        shown = browser.get(found[1])
        assert (shown.status_code, 'id="positions"' in shown.text) == (200, True)
        with browser.stream("GET", f"{shown.url.copy_with(query=None)}live") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: parts"
            assert '"head":' in next(lines)
    return page_of(system)


def is_served(system: RealSystem) -> bool:
    found = re.search(r"Page: (http\S+)", system.log())
    try:
        return found is not None and httpx.get(found[1], trust_env=False).status_code == 303
    except httpx.TransportError:
        return False


def page_of(system: RealSystem) -> int:
    """Return the id of the page's process; 0 while it does not run."""
    assert system.host is not None
    for task in Path(f"/proc/{system.host.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"web.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return 0
