"""The day's report: each check finds exactly the difference that it covers."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from cli.demo.broker_books import read_broker_books
from cli.demo.day_report import CHECKS, Day, read_ledger, report_table, save_report, violations
from domain.money import Quantity, Won
from domain.order import OrderStatus
from domain.session import SessionDate
from fleet.errors import NothingRunsError
from fleet.fleet import Fleet
from tests.cli.demo.parts import a_booked_order, a_sound_day, some_books
from tests.support.builders import MONDAY, a_ref, an_intent, an_open_position, an_order

HOLDING = {"symbol": "005930", "quantity": 10}
BOTH = [a_booked_order(1), a_booked_order(2, amount=710_000)]


def with_books(**changes: Any) -> Callable[[Day], Day]:
    return lambda day: replace(day, broker=some_books(**changes))


def with_ledger(**changes: Any) -> Callable[[Day], Day]:
    return lambda day: replace(day, ledger=replace(day.ledger, **changes))


def with_outcome(**changes: Any) -> Callable[[Day], Day]:
    return lambda day: replace(day, outcome=replace(day.outcome, **changes))


def an_unfinished_sale(day: Day) -> Day:
    buy, sell = day.ledger.orders
    unfinished = replace(sell, status=OrderStatus.UNKNOWN, ref=None, filled_quantity=Quantity(0), filled_amount=Won(0))
    return with_ledger(orders=(buy, unfinished))(with_books(orders=BOTH[:1])(day))


def test_a_sound_day_violates_nothing() -> None:
    assert violations(a_sound_day()) == dict.fromkeys(CHECKS, 0)


@pytest.mark.parametrize(
    ("check", "difference"),
    [
        ("broker_not_flat", with_books(holdings=[HOLDING])),
        ("broker_not_flat", with_outcome(flat=False)),
        ("open_orders", with_books(orders=[BOTH[0], {**BOTH[1], "remaining": 3}])),
        ("open_orders", an_unfinished_sale),
        ("net_pnl_differs_from_cash", with_books(cash=100_008_701)),
        ("costs_differ", with_books(tax=1_101)),
        ("costs_differ", with_books(commission=199)),
        ("order_sent_twice", with_books(orders=[*BOTH, a_booked_order(3, filled=0, amount=0)])),
        ("order_sent_twice", with_books(orders=[*BOTH, BOTH[0]])),
        ("fills_differ", with_books(orders=[BOTH[0], {**BOTH[1], "amount": 709_000}])),
        ("fills_differ", with_books(orders=[BOTH[0], {**BOTH[1], "filled": 9}])),
        ("position_left_open", with_ledger(held=(an_open_position(),))),
        ("workers_not_notified", with_outcome(workers_told=4)),
    ],
)
def test_one_difference_is_found_by_its_check_alone(check: str, difference: Callable[[Day], Day]) -> None:
    found = violations(difference(a_sound_day()))

    assert {name for name, count in found.items() if count} == {check}


def test_an_order_that_the_broker_does_not_know_is_found() -> None:
    unknown = an_order(an_intent(), filled=0, status=OrderStatus.CANCELLED, ref=a_ref(9))
    day = a_sound_day()

    found = violations(with_ledger(orders=(*day.ledger.orders, unknown))(day))

    assert found["order_sent_twice"] == 1


def test_a_purchase_without_a_booked_trade_is_found() -> None:
    assert violations(with_ledger(trades=())(a_sound_day()))["trade_without_exit_reason"] == 1


def test_cancellations_and_other_days_are_no_orders_of_ours() -> None:
    others = [a_booked_order(3, action="cancel"), a_booked_order(4, day="2026-11-20")]

    assert violations(with_books(orders=[*BOTH, *others])(a_sound_day())) == dict.fromkeys(CHECKS, 0)


def test_the_report_has_exactly_the_agreed_keys(tmp_path: Path) -> None:
    path = save_report(a_sound_day(), tmp_path / "reports")

    assert path.name == "2026-11-23.json"
    report = json.loads(path.read_text())
    assert list(report) == [
        "session_date",
        "seed",
        "workers",
        "orders",
        "fills",
        "trades",
        "exit_reasons",
        "gross_pnl",
        "commission",
        "tax",
        "net_pnl",
        "broker_cash_change",
        "broker_flat",
        "owners_shares",
        "unexplained_shares",
        "open_orders",
        "checks",
    ]
    assert (report["gross_pnl"], report["commission"], report["tax"], report["net_pnl"]) == (10_000, 200, 1_100, 8_700)
    assert (report["orders"], report["fills"], report["exit_reasons"]) == (2, 2, {"take_profit": 1})


def test_the_report_is_a_readable_table_too() -> None:
    console = Console(file=io.StringIO(), width=160, record=True)

    console.print(report_table(with_books(tax=1_101)(a_sound_day())))

    text = console.export_text()
    assert "net +8,700 won" in text
    assert "take_profit" in text
    assert "costs differ" in text


async def test_the_ledger_of_a_day_without_trades_is_empty(fleet: Fleet) -> None:
    ledger = await read_ledger(fleet, MONDAY)

    assert (ledger.orders, ledger.fills, ledger.trades, ledger.held) == ((), 0, (), ())


async def test_a_simulator_that_is_gone_is_reported(unused_port: int) -> None:
    with pytest.raises(NothingRunsError, match="does not answer"):
        await read_broker_books(f"http://127.0.0.1:{unused_port}", "50000000-01", {})


def test_books_in_another_form_are_refused() -> None:
    with pytest.raises(ValidationError):
        some_books(cash="100000000")


def test_a_report_of_another_day_is_another_file(tmp_path: Path) -> None:
    day = with_outcome(session_date=SessionDate(date(2026, 11, 24)))(a_sound_day())

    assert save_report(day, tmp_path).name == "2026-11-24.json"
