"""The disk fills while shares are held: they are sold, nothing is bought, an alert is sent, and the day continues."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.runtime.embedded.processes import processes_of
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.support.webhook import Webhook
from tests.trials.journeys.real_system import RealSystem, real_system

HELD = "SELECT count(*) FROM positions WHERE is_live AND bought_quantity > sold_quantity"
BUYING = "SELECT count(*) FROM orders WHERE is_active AND side = 'buy'"
SHUT = "SELECT count(*) FROM closed_entries WHERE reason LIKE 'the disk of %'"
LOW = "SELECT count(*) FROM events WHERE kind = 'disk_low' AND level = 'critical'"
WAS_AWAY = "SELECT count(*) FROM events WHERE kind = 'database_was_away'"
MEGABYTES = 1_800


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    listening = Webhook().open()
    yield listening
    listening.close()


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(420)
def test_a_disk_that_fills_costs_no_position_and_no_host(tmp_path: Path, webhook: Webhook) -> None:
    settings = {"HARU_SIMULATOR__SPEED": "30", "HARU_SIMULATOR__START": "2026-11-23 10:30"}
    with (
        small_disk(tmp_path / "disk", MEGABYTES) as disk,
        real_system(disk.folder, HARU_ALERTS__URLS=webhook.url, **settings) as system,
    ):
        system.starts()
        system.starter("--workers", "5", "--detach")
        system.until(lambda: number(system, HELD) >= 2, 90, "two held positions")

        disk.leaves(0)
        bought = sells_everything(system, webhook)
        outlives_its_database(system, webhook, disk)
        assert count(system, "buy") == bought
        disk.is_free()
        trades_again(system, bought)


def sells_everything(system: RealSystem, webhook: Webhook) -> int:
    """Wait until nothing is held; return how many buys there were when entries were closed."""
    system.until(lambda: number(system, SHUT) == 1 and number(system, BUYING) == 0, 30, "shut entries")
    bought = count(system, "buy")
    system.until(lambda: number(system, HELD) == 0, 60, "the sale of everything")
    system.until(lambda: number(system, LOW) == 1, 30, "the event")
    system.until(lambda: alerted(webhook, "critical: the disk is filling up"), 30, "the alert")
    return bought


def outlives_its_database(system: RealSystem, webhook: Webhook, disk: SmallDisk) -> None:
    """Kill the database at each start, as on a disk that stays full."""

    def is_away_and_alerted() -> bool:
        disk.leaves(0)
        for pid in postmasters(system):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return alerted(webhook, "PostgreSQL is unreachable")

    system.until(is_away_and_alerted, 120, "the alert without books")
    assert system.host is not None
    assert system.host.poll() is None


def trades_again(system: RealSystem, bought: int) -> None:
    system.until(lambda: number(system, SHUT) == 0, 180, "open entries")
    system.until(lambda: number(system, WAS_AWAY) >= 1, 60, "the event of the outage")
    system.starter("resume", "all")
    system.until(lambda: count(system, "buy") > bought, 120, "a buy with room again")


def orders(system: RealSystem) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.broker()["orders"]
    return found


def count(system: RealSystem, side: str) -> int:
    return sum(order["side"] == side for order in orders(system))


def alerted(webhook: Webhook, what: str) -> bool:
    return any(what in f"{alert['title']} {alert['message']}" for alert in webhook.messages)


def postmasters(system: RealSystem) -> list[int]:
    """Return the PostgreSQL process that its guard has started."""
    mark = f"-D {system.folder.resolve() / 'postgres'}"
    return [int(line.split()[0]) for line in processes_of(mark) if "runtime.embedded.guard" not in line]


def number(system: RealSystem, statement: str) -> int:
    """Return a number from the books, -1 while they accept no connection."""
    try:
        return system.number(statement)
    except psycopg.Error:
        return -1
