"""Trading metrics of a host: on the endpoint of Temporal's own, from the ledger, each with a help text."""

import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client

from database.database import Database
from domain.clock import MarketClock
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.order import Unknown
from exchange.calendar import krx_calendar
from fleet.fleet import Fleet
from runtime.embedded.ports import LOOPBACK
from runtime.metrics import HELP, MetricsDuty
from runtime.settings import TelemetrySettings
from runtime.telemetry import temporal_runtime
from tests.database.books import Books
from tests.database.conftest import books, database
from tests.support.builders import ACCOUNT, HYNIX, NOW

__all__ = ["books", "database"]
HOST = "vm/1/ab"


async def served(database: Database, port: int, folder: Path) -> str:
    """Run one round of the duty, and return what Prometheus reads."""
    runtime = temporal_runtime(TelemetrySettings(prometheus_address=f"{LOOPBACK}:{port}"))
    client = await Client.connect(f"{LOOPBACK}:1", runtime=runtime, lazy=True)
    clock = MarketClock(datetime.now(UTC), NOW)  # noqa: TID251 - the test's own anchor
    fleet = Fleet(client, database, ACCOUNT, Environment.SIMULATED, clock, krx_calendar(2026, 2027))
    await MetricsDuty(fleet, HOST, folder).look()
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=30) as response:  # noqa: ASYNC210
        return str(response.read().decode())


def values(text: str) -> dict[str, float]:
    """Return each sample by its name and labels, without the SDK's own label."""
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("haru_"))
    return {
        name.replace('service_name="temporal-core-sdk"', "")
        .replace("{,", "{")
        .replace(",}", "}")
        .replace("{}", ""): float(at)
        for name, at in samples
    }


async def test_the_endpoint_shows_what_the_ledger_holds(
    database: Database, books: Books, unused_port: int, tmp_path: Path
) -> None:
    await books.traded(sold_at=69_000)
    await books.held(WorkerId("worker-3"), Symbol("035720"))
    sold = await books.held(WorkerId("worker-4"), Symbol("035420"))
    await books.sold(sold)
    lost = books.a_buy(await books.locked(WorkerId("worker-2"), HYNIX))
    await books.sent(lost)
    await database.orders.record_outcome(lost.intent_id, Unknown("timeout"))
    await database.hosts.beat(ACCOUNT, HOST, "vm", 1)
    await database.hosts.note_duties(ACCOUNT, HOST, {"clock": (5_000.0, 75.0), "orders": (0.0, 100_000.0)})

    text = await served(database, unused_port, tmp_path)

    found = values(text)
    assert found["haru_held_positions"] == 1
    assert found['haru_session_orders{status="filled"}'] == 5
    assert found['haru_session_orders{status="rejected"}'] == 0
    assert found['haru_session_exits{reason="take_profit"}'] == 1
    assert (found["haru_session_realised_profit_won"], found["haru_session_realised_loss_won"]) == (0, 10_000)
    assert found["haru_unknown_orders"] == 1
    assert found["haru_unknown_order_age_seconds"] > 0
    assert found["haru_overdue_duties"] == 1
    assert found["haru_data_disk_free_bytes"] > 0
    for name, meaning in HELP.items():
        assert f"# HELP {name} {meaning}" in text
        assert any(each.partition("{")[0] == name for each in found), name
