"""The journal in process: restored books, torn ends, foreign files, and replay speed."""

from pathlib import Path
from time import process_time
from typing import Any

import pytest

from simulator.journal import FILE_NAME, JournalError
from simulator.orders import Account
from simulator.refusals import OrderRefusedError
from simulator.simulation import SettingsMismatchError, Simulation
from tests.simulator.market_day import ACCOUNT, KEY, SAMSUNG, SECRET, THIN, Day, a_simulation, steps


def a_busy_day(simulation: Simulation) -> None:
    day = Day(simulation)
    day.buys(500)
    low = day.buys(50, steps(simulation.exchange.snapshot(SAMSUNG, day.now).price, -6))
    day.passes(minutes=20)
    day.simulation.set_conditions(THIN, thin=True)
    day.buys(300, symbol=THIN)
    day.passes(minutes=40)
    day.simulation.force_price(SAMSUNG, None)
    if low.remaining:
        day.cancels(low)
    day.sells(400)
    day.passes(hours=20)
    day.passes(hours=4)
    simulation.add_fault(kind="garbage", count=3)


def books(simulation: Simulation) -> Account:
    simulation.advance()
    return simulation.engine.account(ACCOUNT)


def test_a_restart_gives_the_same_books_clock_faults_and_tokens(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)
    token = first.issue_token(KEY, SECRET)
    a_busy_day(first)
    first.close()

    second = a_simulation("2026-11-23 09:30:00", journal=tmp_path)

    assert books(second) == books(first)
    assert second.market_now() == first.market_now()
    assert second.faults.rules == first.faults.rules
    second.tokens.check(f"Bearer {token.text}", KEY, second.real_now())


def test_a_torn_last_line_is_forgotten(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)
    Day(first).buys(5)
    first.close()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b"3\tdeadbeef\t{half a li")

    second = a_simulation(journal=tmp_path)
    Day(second).buys(5)
    second.close()

    assert len(books(a_simulation(journal=tmp_path)).orders) == 2


def test_two_simulations_cannot_share_a_journal(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)

    with pytest.raises(JournalError, match="in use by another simulator"):
        a_simulation(journal=tmp_path)
    first.close()


@pytest.mark.parametrize("settings", [{"seed": 8}, {"environment": "paper"}, {"opening_cash": 1}, {"listings": 100}])
def test_another_worlds_journal_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    a_simulation(journal=tmp_path).close()

    with pytest.raises(SettingsMismatchError, match=next(iter(settings))):
        a_simulation(journal=tmp_path, **settings)


def test_refused_orders_leave_no_trace(tmp_path: Path) -> None:
    simulation = a_simulation(journal=tmp_path)
    size = (tmp_path / FILE_NAME).stat().st_size

    with pytest.raises(OrderRefusedError):
        Day(simulation).sells(1)
    simulation.close()

    assert (tmp_path / FILE_NAME).stat().st_size == size


def test_hundreds_of_orders_come_back_quickly(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)
    day = Day(first)
    for _ in range(250):
        day.buys(2)
        day.passes(seconds=30)
        day.sells(2)
    first.close()

    started = process_time()
    second = a_simulation(journal=tmp_path)

    assert process_time() - started < 2
    assert books(second) == books(first)
