"""Lines of the live table and whole days, with defaults."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from cli.demo.broker_books import BrokerBooks
from cli.demo.day_report import Day, Ledger
from database.workers import WorkerRow
from domain.costs import Costs
from domain.identity import Environment, IntentId, WorkerId
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.worker_state import WorkerState
from fleet.board import Board
from tests.support.builders import MONDAY, NOW, SAMSUNG, a_closed_trade, a_plan, a_ref, an_intent, an_order
from workflows.close_outcome import CloseOutcome


def a_row(**changes: Any) -> WorkerRow:
    """Return a worker that scans."""
    row = WorkerRow(
        worker_id=WorkerId("worker-1"),
        state=WorkerState.SCANNING,
        paused=False,
        symbol=None,
        name="",
        quantity=Quantity(0),
        entry_price=None,
        last_price=None,
        unrealised_pnl=Won(0),
        realised_pnl=Won(0),
        trades=0,
        last_event="scanning",
        last_event_at=NOW,
    )
    return replace(row, **changes)


def a_holding_row(**changes: Any) -> WorkerRow:
    """Return a worker that holds ten shares which have risen by 1,000 won."""
    held = {
        "worker_id": WorkerId("worker-2"),
        "state": WorkerState.HOLDING,
        "symbol": SAMSUNG,
        "name": "삼성전자",
        "quantity": Quantity(10),
        "entry_price": Decimal(70_000),
        "last_price": Price(71_000),
        "unrealised_pnl": Won(10_000),
        "realised_pnl": Won(-3_000),
        "trades": 2,
        "last_event": "bought",
    }
    return a_row(**{**held, **changes})


def a_board(*rows: WorkerRow, **changes: Any) -> Board:
    """Return a simulated fleet at ten o'clock."""
    return replace(Board(Environment.SIMULATED, NOW, a_plan(), rows), **changes)


def a_sound_day(**changes: Any) -> Day:
    """Return a day with one trade on which ledger, close and broker agree: +10,000 gross, 1,300 of costs."""
    trade = a_closed_trade(entry_costs=Costs(Won(100), Won(0)), exit_costs=Costs(Won(100), Won(1_100)))
    buy = an_order(an_intent(Side.BUY))
    sell = an_order(an_intent(Side.SELL, intent_id=IntentId("run-1/2")), ref=a_ref(2), filled_amount=Won(710_000))
    day = Day(
        seed=7,
        workers=5,
        ledger=Ledger((buy, sell), fills=2, trades=(trade,), held=()),
        outcome=CloseOutcome(MONDAY, had_session=True, workers_told=5),
        broker=some_books(),
    )
    return replace(day, **changes)


def some_books(**changes: Any) -> BrokerBooks:
    """Return the broker's side of the correct day, parsed from its wire format."""
    books = {
        "cano": "50000000",
        "opening_cash": 100_000_000,
        "cash": 100_008_700,
        "holdings": [],
        "orders": [a_booked_order(1), a_booked_order(2, amount=710_000)],
        "commission": 200,
        "tax": 1_100,
    }
    return BrokerBooks.model_validate({**books, **changes})


def a_booked_order(number: int, **changes: Any) -> dict[str, Any]:
    """Return an order in the broker's books, completely filled."""
    order = {
        "day": MONDAY.isoformat(),
        "number": f"{number:010}",
        "action": "new",
        "symbol": SAMSUNG,
        "filled": 10,
        "amount": 700_000,
        "remaining": 0,
    }
    return {**order, **changes}
