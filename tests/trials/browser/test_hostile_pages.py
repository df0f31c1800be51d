"""A hostile page in a real browser beside a running fleet: which requests it sends, and what changes."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from runtime.embedded.guard import Program
from runtime.embedded.ports import LOOPBACK, answers, free_port
from runtime.embedded.process import Launcher
from runtime.embedded.temporal import DevServer
from simulator.callers import Callers
from tests.conftest import running
from tests.simulator.market_day import KEY, PREFIX, SECRET, an_order
from tests.simulator.streaming import Venue, a_venue
from tests.support.chromium import needs_a_browser
from tests.trials.browser.hostile_pages import ATTACKER, Attempt, Page, browse, served

pytestmark = [pytest.mark.slow, needs_a_browser, pytest.mark.timeout(300)]
FAULT: Final = json.dumps({"kind": "refuse", "path": "/a=b"})
KEYS: Final = json.dumps({"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET})
JSON: Final = "application/json"


def at_the_simulator(base: str, route: str, mode: str) -> list[Attempt]:
    """Return a page's attempts at the simulator: a simple request needs no preflight, ``cors`` does."""
    stream = base.replace("http", "ws", 1) + "/tryitout"
    order = {"appkey": KEY, "appsecret": SECRET, "tr_id": "TTTC0012U", "authorization": "Bearer x", "custtype": "P"}
    return [
        Attempt(f"{route}: lift faults", "cors", f"{base}/control/faults", method="DELETE", type=""),
        Attempt(f"{route}: fault as text", mode, f"{base}/control/faults", FAULT),
        Attempt(f"{route}: fault by two slashes", mode, f"{base}//control//faults", FAULT),
        Attempt(f"{route}: fault as JSON", "cors", f"{base}/control/faults", FAULT, type=JSON),
        Attempt(f"{route}: fault by form", "form", f"{base}/control/faults", FAULT),
        Attempt(f"{route}: fault by beacon", "beacon", f"{base}/control/faults", FAULT),
        Attempt(f"{route}: fault by JSON beacon", "beacon", f"{base}/control/faults", FAULT, type=JSON),
        Attempt(f"{route}: read accounts", "cors", f"{base}/control/accounts", method="GET", type=""),
        Attempt(f"{route}: token as text", mode, f"{base}/oauth2/tokenP", KEYS),
        Attempt(f"{route}: token as JSON", "cors", f"{base}/oauth2/tokenP", KEYS, type=JSON),
        Attempt(
            f"{route}: order",
            "cors",
            f"{base}{PREFIX}/trading/order-cash",
            json.dumps(an_order(1)),
            type=JSON,
            headers=order,
        ),
        Attempt(f"{route}: stream", "socket", stream, "{}"),
    ]


class NoDoor(Callers):
    """Accepts every host, as early versions of the simulator did."""

    def objection_to(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        return None


async def attacked(venue: Venue, profile: Path) -> dict[str, str]:
    """Open the hostile pages beside a simulator and return the results."""
    port = int(venue.url().rsplit(":", 1)[1])
    page, rebound = Page(), Page(port, ATTACKER)
    async with served(page, rebound):
        rebound.attempts = at_the_simulator(rebound.base, "rebound", "cors")
        page.attempts = [
            attempt
            for host in ("127.0.0.1", "localhost", ATTACKER)
            for attempt in at_the_simulator(f"http://{host}:{port}", f"from a page to {host}", "no-cors")
        ]
        met = await browse(profile, page, rebound)
    assert len(met) == 4 * 12
    return met


async def test_no_page_changes_anything_at_the_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with a_venue(callers=Callers()) as venue:
        met = await attacked(venue, tmp_path / "profile")

    show(capsys, [f"{name}: {outcome}" for name, outcome in met.items()])
    simulation = venue.simulation
    assert simulation.faults.rules == []
    assert [service.calls.total for service in simulation.services.values()] == [0, 0]
    assert list(simulation.engine.accounts) == []
    assert {outcome for name, outcome in met.items() if name.endswith("stream")} == {"refused"}
    assert {outcome[:3] for name, outcome in met.items() if name == "rebound: fault as JSON"} == {"421"}
    assert [outcome for outcome in met.values() if outcome.startswith("200")] == []


async def test_the_same_pages_change_a_simulator_that_checks_nothing(tmp_path: Path) -> None:
    async with a_venue(callers=NoDoor(), token_interval=0) as venue:
        met = await attacked(venue, tmp_path / "profile")

    assert len(venue.simulation.faults.rules) > 3
    assert sum(service.calls.total for service in venue.simulation.services.values()) > 3
    assert {outcome for name, outcome in met.items() if name.endswith("stream")} == {"open"}


def show(capsys: pytest.CaptureFixture[str], lines: list[str]) -> None:
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


NAMESPACE: Final = "/api/v1/namespaces/default/workflows/"
ROUTES: Final = ("ui-direct", "ui-rebound", "api-direct", "api-rebound")
IN_A_FORM: Final = {"requestId": "="}
PLANTED: Final = {"workflowType": {"name": "Planted"}, "taskQueue": {"name": "planted"}}


@dataclass(frozen=True)
class Server:
    """A Temporal dev server as the fleet starts it, but with a known port of its HTTP API."""

    address: str
    ui_port: int
    http_port: int


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    known = Server(f"{LOOPBACK}:{free_port()}", free_port(), free_port())
    dev = DevServer(port=int(known.address.rpartition(":")[2]), ui_port=known.ui_port)

    async def start(launcher: Launcher) -> None:
        program = Program([*dev.argv(), "--http-port", str(known.http_port)])
        process = launcher.launch("Temporal", program)
        await process.wait_until_ready(lambda: _serves(dev), 60, "start again")

    with running(tmp_path_factory.mktemp("temporal"), start):
        yield known


async def _serves(dev: DevServer) -> bool:
    try:
        return await (await Client.connect(dev.address)).service_client.check_health() and answers(dev.ui_port or 0)
    except (RuntimeError, RPCError):
        return False


def at_temporal(base: str, route: str, mode: str) -> list[Attempt]:
    """Return a page's attempts to change workflows."""
    victim, kind = f"{base}{NAMESPACE}victim-{route}", "text/plain" if mode == "no-cors" else JSON
    return [
        Attempt(f"{route}: visit", mode, f"{base}/", method="GET", type=""),
        Attempt(f"{route}: list", "cors", f"{base}/api/v1/namespaces/default/workflows", method="GET", type=""),
        Attempt(f"{route}: signal", mode, f"{victim}/signal/liquidate", "{}", type=kind),
        Attempt(f"{route}: start", mode, f"{base}{NAMESPACE}planted-{route}", json.dumps(PLANTED), type=kind),
        Attempt(f"{route}: form", "form", f"{base}{NAMESPACE}planted-by-form-{route}", json.dumps(PLANTED | IN_A_FORM)),
        Attempt(f"{route}: terminate", mode, f"{victim}/terminate", '{"reason":"a page"}', type=kind),
    ]


async def effects_of(client: Client, route: str) -> dict[str, bool]:
    """Return which attempts of a route changed something, according to the server."""
    victim = client.get_workflow_handle(f"victim-{route}")
    kinds = [event.event_type async for event in victim.fetch_history_events()]
    return {
        "signal": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in kinds,
        "start": await _exists(client.get_workflow_handle(f"planted-{route}")),
        "form": await _exists(client.get_workflow_handle(f"planted-by-form-{route}")),
        "terminate": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED in kinds,
    }


async def _exists(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        await handle.describe()
    except RPCError:
        return False
    return True


async def test_what_a_page_can_do_at_temporal_is_known(
    temporal: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The HTTP API refuses every host name. The Web UI accepts a page only after DNS rebinding; it has no host list."""
    client = await Client.connect(temporal.address)
    for route in ROUTES:
        await client.start_workflow("Victim", id=f"victim-{route}", task_queue="unserved")
    page, ui, api = Page(), Page(temporal.ui_port, ATTACKER), Page(temporal.http_port, ATTACKER)
    async with served(page, ui, api):
        ui.attempts = at_temporal(ui.base, "ui-rebound", "cors")
        api.attempts = at_temporal(api.base, "api-rebound", "cors")
        page.attempts = [
            *at_temporal(f"http://127.0.0.1:{temporal.ui_port}", "ui-direct", "no-cors"),
            *at_temporal(f"http://127.0.0.1:{temporal.http_port}", "api-direct", "no-cors"),
        ]
        outcomes = await browse(tmp_path / "profile", page, ui, api)

    effects = {route: await effects_of(client, route) for route in ROUTES}
    show(
        capsys,
        [
            f"{name}: {outcome!r} -> {'CHANGED' if effects[route].get(what) else 'nothing changed'}"
            for name, outcome in outcomes.items()
            for route, _, what in [name.partition(": ")]
        ],
    )
    assert len(outcomes) == 6 * len(ROUTES)
    assert [route for route in ROUTES if route != "ui-rebound" and any(effects[route].values())] == []
    assert {outcome[:3] for name, outcome in outcomes.items() if name == "api-rebound: terminate"} == {"403"}
