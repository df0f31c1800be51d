"""The books are lost while shares are held: a backup restores them, and the fleet sells what it holds.

Temporal's databases of that day are then searched for what must be encrypted.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.identity import SIMULATED_ACCOUNT
from tests.runtime.embedded.processes import ROOT
from tests.trials.journeys.real_system import RealSystem, real_system
from tests.trials.journeys.sealed_database import plain_in
from tests.trials.journeys.test_kill_nine import ACTIVE, HELD, assert_both_books_agree

WATCHED = """
SELECT count(*) FROM positions JOIN stock_locks USING (account_id, symbol)
WHERE is_live AND bought_quantity > sold_quantity AND heartbeat_at > '{}'
"""
"""Held positions whose lease was renewed since an instant. A lease of the backup may still be live."""
SECRETS = """
SELECT orders.symbol, positions.name, order_no, orders.decision_price, filled_amount, entry_amount, exit_amount,
    abs(net_pnl)
FROM orders JOIN positions USING (position_id) LEFT JOIN trades USING (position_id) WHERE order_no IS NOT NULL
"""
UNHURRIED = {
    **{f"HARU_RULES__EXITS__{name}": "0" for name in ("TAKE_PROFIT", "TRAILING_DISTANCE", "TREND_BREAK")},
    "HARU_RULES__EXITS__STOP_LOSS": "20%",
    "HARU_RULES__EXITS__LONGEST_HOLDING": "0s",
    "HARU_SIMULATOR__SPEED": "30",
    "HARU_SIMULATOR__START": "2026-11-23 10:30",
}
"""No position is sold between backup and loss, so that the books of the backup are the broker's."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fleet_goes_on_from_a_backup_in_an_empty_folder(tmp_path: Path) -> None:
    with real_system(tmp_path, **UNHURRIED) as system:
        system.starts()
        system.starter("--workers", "3", "--detach")
        system.until(lambda: system.number(HELD) >= 2, 200, "two held positions")
        backed_up(system, tmp_path)  # while it trades
        system.starter("pause")
        system.until(lambda: system.number(ACTIVE) == 0, 60, "the end of all orders")
        held = system.number(HELD)
        file = backed_up(system, tmp_path)

        loses_its_folder(system)
        restored = json.loads(system.starter("restore", str(file), "--json"))
        system.starts()
        (started,) = system.query("SELECT clock_timestamp()")[0]

        assert (restored["kept"], system.number(HELD)) == ([], held)
        system.until(lambda: system.number(WATCHED.format(started)) == held, 120, "watched positions")
        system.starter("stop")
        system.until(lambda: system.number(HELD) == system.number(ACTIVE) == 0, 60, "the sale of what was held")
        assert_both_books_agree(system)
        assert_sound(system)
        secrets = [value for row in system.query(SECRETS) for value in row if value]
        account = SIMULATED_ACCOUNT.split("-")[0]

    for folder in (system.folder, system.folder.with_name("lost")):
        assert plain_in(folder, [*secrets, account]) == []


def backed_up(system: RealSystem, folder: Path) -> Path:
    return Path(json.loads(system.starter("backup", str(folder), "--json"))["file"])


def loses_its_folder(system: RealSystem) -> None:
    """Kill the host and lose its folder, except the broker and its clock, which are the simulator."""
    system.is_killed()
    lost = system.folder.rename(system.folder.with_name("lost"))
    system.folder.mkdir()
    for name in ("simulator", "market.json"):
        shutil.move(lost / name, system.folder / name)


def assert_sound(system: RealSystem) -> None:
    """Only the outage itself is found: nothing watched then, and the histories from before are lost (I5)."""
    judged = subprocess.run(
        [sys.executable, "-m", "verifier"],
        cwd=ROOT,
        env=system.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(re.findall(r"(I\d+) +(\d+) violations", judged.stdout))
    assert found.pop("I5", None), judged.stdout + judged.stderr
    assert found == {f"I{number}": "0" for number in range(1, 12) if number != 5}, judged.stdout + judged.stderr
