"""The whole system as its users run it: worker.py and starter.py as processes, observed from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from domain.identity import SIMULATED_ACCOUNT
from runtime.embedded.endpoints import Endpoints, read_endpoints
from tests.runtime.embedded.processes import FREE_PORTS, ROOT, eventually, processes_of


@dataclass
class RealSystem:
    """One data folder, and the process that hosts everything in it."""

    folder: Path
    settings: Mapping[str, str]
    host: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def environment(self) -> dict[str, str]:
        ours = {"HARU_DATA_DIR": str(self.folder), "HARU_WEB__ENABLED": "false"}
        return {**os.environ, **FREE_PORTS, **ours, **self.settings}

    @property
    def endpoints(self) -> Endpoints:
        found = read_endpoints(self.folder)
        assert found is not None, self.log()
        return found

    def starts(self, limit: float = 200) -> None:
        """Start worker.py and wait until it hosts."""
        lines = self.log().count("haru worker ready")
        log = (self.folder.parent / "worker.log").open("ab")
        self.host = subprocess.Popen(
            [sys.executable, "worker.py"], cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
        )
        log.close()
        assert eventually(lambda: self.log().count("haru worker ready") > lines, limit), self.log()

    def is_killed(self) -> None:
        """Kill worker.py, and wait until no process that it started is left."""
        assert self.host is not None
        self.host.send_signal(signal.SIGKILL)
        self.host.wait()
        assert eventually(lambda: not processes_of(self.folder), 100), processes_of(self.folder)

    def starter(self, *arguments: str) -> str:
        """Run starter.py and return its output."""
        done = subprocess.run(
            [sys.executable, "starter.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr + self.log()
        return done.stdout

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Query the book of record."""
        assert self.endpoints.database_url is not None
        with psycopg.connect(self.endpoints.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def number(self, statement: str) -> int:
        return int(self.query(statement)[0][0] or 0)

    def broker(self) -> dict[str, Any]:
        """Return the account from the broker's own books."""
        number = SIMULATED_ACCOUNT.split("-")[0]
        with httpx.Client(trust_env=False, headers=self.endpoints.control_headers) as client:
            account: dict[str, Any] = client.get(f"{self.endpoints.simulator_url}/control/accounts/{number}").json()
        return account

    def until(self, condition: Callable[[], bool], limit: float, what: str) -> None:
        """Wait at most ``limit`` real seconds for a condition."""
        ends = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < ends, f"{what} did not happen within {limit} s\n{self.log()[-4000:]}"
            time.sleep(0.2)

    def log(self) -> str:
        path = self.folder.parent / "worker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def closes(self) -> list[dict[str, Any]]:
        """Return the fleet's daily summaries that the market close has written."""
        printed = self.starter("summary", "--json")
        return [summary for summary in json.loads(printed) if summary.get("scope") == "fleet"]


@contextmanager
def real_system(folder: Path, **settings: str) -> Iterator[RealSystem]:
    """Provide a data folder whose system is completely gone at the end."""
    system = RealSystem(folder / "haru", settings)
    try:
        yield system
    finally:
        if system.host is not None:
            system.host.kill()
            system.host.wait()
        assert eventually(lambda: not processes_of(system.folder), 100)
