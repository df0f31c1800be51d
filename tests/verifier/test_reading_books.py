"""Each of the three books, read from its own store."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from database.database import open_database
from domain.identity import Environment, IntentId
from domain.lock import Lease
from domain.market import Market, Side
from tests.database.books import FINGERPRINT, Books
from tests.support.builders import ACCOUNT, MONDAY, NOW, POSITION, SAMSUNG, WORKER
from verifier.books import Histories, SaleCommand, Submit, Watch
from verifier.broker_truth import book_from_json
from verifier.histories import Run, histories_of

ORDER = {
    "day": "2026-11-23",
    "number": "0000000001",
    "original": "",
    "action": "new",
    "symbol": SAMSUNG,
    "market": "kospi",
    "side": "buy",
    "quantity": 10,
    "price": 70_000,
    "placed_at": "2026-11-23T10:00:00+09:00",
    "by_hand": False,
    "filled": 10,
    "cancelled": 0,
    "remaining": 0,
    "amount": 700_000,
    "commission": 98,
    "tax": 0,
    "fills": [{"at": "2026-11-23T10:00:01+09:00", "price": 70_000, "quantity": 10}],
}


def test_the_simulators_account_becomes_the_brokers_book() -> None:
    account = {
        "opening_cash": 1_000_000,
        "cash": 299_902,
        "holdings": [{"symbol": SAMSUNG, "quantity": 10}, {"symbol": "000660", "quantity": 0}],
        "orders": [ORDER, {**ORDER, "number": "0000000002", "action": "cancel", "original": "0000000001"}],
    }

    book = book_from_json(account)

    assert book.holdings == {SAMSUNG: 10}
    assert book.opening_cash is not None
    assert book.opening_cash + book.orders[0].flow == book.cash
    assert (book.orders[0].side, book.orders[0].market, book.orders[0].placed_at) == (Side.BUY, Market.KOSPI, NOW)
    assert [row.is_new for row in book.orders] == [True, False]


def event(kind: EventType.ValueType, at: float, number: int = 0, **attributes: Any) -> HistoryEvent:
    stamp = Timestamp()
    stamp.FromDatetime((NOW + timedelta(seconds=at)).astimezone(UTC).replace(tzinfo=None))
    return HistoryEvent(event_id=number, event_type=kind, event_time=stamp, **attributes)


def scheduled(name: str, at: float, number: int, **request: Any) -> HistoryEvent:
    payload = Payloads(payloads=[Payload(data=json.dumps(request).encode())])
    attributes = {"activity_type": {"name": name}, "input": payload}
    return event(
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, at, number, activity_task_scheduled_event_attributes=attributes
    )


def test_a_run_shows_its_orders_its_watch_and_its_commands() -> None:
    events = [
        scheduled("submit_order", 1, 5, intent_id="run-1/1"),
        scheduled("watch_position", 2, 9, position_id=POSITION, symbol=SAMSUNG),
        event(
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
            3,
            workflow_execution_signaled_event_attributes={"signal_name": "liquidate_for_close"},
        ),
        event(
            EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
            4,
            activity_task_completed_event_attributes={"scheduled_event_id": 9},
        ),
        scheduled("watch_position", 6, 12, position_id="run-2/1", symbol=SAMSUNG),
    ]

    decoded = histories_of([Run("trading-worker/a/worker-1", WORKER, events)])

    def at(seconds: float) -> datetime:
        return NOW + timedelta(seconds=seconds)

    assert decoded == Histories(
        submits=(Submit(IntentId("run-1/1"), "trading-worker/a/worker-1", at(1)),),
        watches=(
            Watch(POSITION, SAMSUNG, at(2), at(4), signalled=True),
            Watch("run-2/1", SAMSUNG, at(6)),  # type: ignore[arg-type]
        ),
        commands=(SaleCommand(WORKER, "liquidate_for_close", at(3)),),
        runs=1,
    )


def exit_signal(at: float, **end: Any) -> HistoryEvent:
    payload = Payloads(payloads=[Payload(data=json.dumps(end).encode())])
    attributes = {"signal_name": "exit", "input": payload}
    return event(
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, at, workflow_execution_signaled_event_attributes=attributes
    )


def test_a_wait_for_the_market_watch_lasts_until_its_signal_and_shows_the_order_that_it_sent() -> None:
    events = [
        scheduled("begin_watch", 2, 9, position_id=POSITION, symbol=SAMSUNG),
        event(
            EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
            3,
            activity_task_completed_event_attributes={"scheduled_event_id": 9},
        ),
        exit_signal(5, position_id=POSITION, signal={"reason": "stop_loss", "sent": {"intent_id": "run-1/2"}}),
        exit_signal(6, position_id=POSITION, signal={"reason": "stop_loss", "sent": {"intent_id": "run-1/2"}}),
    ]

    decoded = histories_of([Run("trading-worker/a/worker-1", WORKER, events)])

    (watch,) = decoded.watches
    assert (watch.since, watch.until) == (NOW + timedelta(seconds=2), NOW + timedelta(seconds=5))
    assert watch.signalled
    assert [each.intent_id for each in decoded.submits] == ["run-1/2"], "a repeated signal is no second order"


def test_a_wait_ends_with_the_workers_own_sale_or_a_lost_lease() -> None:
    sold = [
        scheduled("begin_watch", 2, 9, position_id=POSITION, symbol=SAMSUNG),
        scheduled("prepare_exit", 4, 12, position_id=POSITION),
    ]
    lost = [
        scheduled("begin_watch", 2, 9, position_id="run-2/1", symbol=SAMSUNG),
        exit_signal(5, position_id="run-2/1", signal=None),
    ]
    waiting = [scheduled("begin_watch", 2, 9, position_id="run-3/1", symbol=SAMSUNG)]

    runs = [Run("trading-worker/a/worker-1", WORKER, events) for events in (sold, lost, waiting)]

    found = {each.position_id: (each.until, each.signalled) for each in histories_of(runs).watches}
    assert found == {
        POSITION: (NOW + timedelta(seconds=4), False),
        "run-2/1": (NOW + timedelta(seconds=5), False),
        "run-3/1": (None, False),
    }


@pytest.mark.parametrize("data", [b"\x80", b"[]", b"{}"], ids=["no JSON", "no object", "no intent"])
def test_events_that_cannot_be_read_are_named_and_hide_no_others(data: bytes) -> None:
    foreign = scheduled("submit_order", 1, 5)
    foreign.activity_task_scheduled_event_attributes.input.payloads[0].data = data
    without = event(
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        1,
        6,
        activity_task_scheduled_event_attributes={"activity_type": {"name": "watch_position"}},
    )
    ours = scheduled("submit_order", 2, 7, intent_id="run-1/1")
    answer = event(
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        4,
        activity_task_completed_event_attributes={"scheduled_event_id": 7, "result": {"payloads": [{"data": data}]}},
    )

    decoded = histories_of([Run("trading-worker/a/worker-1", WORKER, [foreign, without, ours, answer])])

    assert [each.intent_id for each in decoded.submits] == ["run-1/1"]
    assert decoded.unreadable == ("trading-worker/a/worker-1",)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        (EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED, "activity_task_canceled_event_attributes"),
        (EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED, "activity_task_failed_event_attributes"),
        (EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT, "activity_task_timed_out_event_attributes"),
    ],
)
def test_a_watch_that_ends_otherwise_has_not_said_to_sell(kind: EventType.ValueType, attributes: str) -> None:
    ending: dict[str, Any] = {attributes: {"scheduled_event_id": 9}}
    events = [
        scheduled("watch_position", 2, 9, position_id=POSITION, symbol=SAMSUNG),
        event(kind, 4, **ending),
    ]

    (watch,) = histories_of([Run("trading-worker/a/worker-1", WORKER, events)]).watches

    assert watch.until == NOW + timedelta(seconds=4)
    assert not watch.signalled


async def test_the_ledger_keeps_every_token_and_every_lapse(database_url: str) -> None:
    database = await open_database(database_url, pool_size=2)
    try:
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
        books = Books(database)
        bought = await books.held()
        first = await books.locked()
        second = await database.locks.take_over(ACCOUNT, SAMSUNG, WORKER)

        given = await database.audit.acquisitions_around(ACCOUNT, MONDAY)
        (order,) = await database.audit.orders_on(ACCOUNT, MONDAY)
        (fill,) = await database.audit.fills_on(ACCOUNT, MONDAY)
        (position,) = await database.audit.positions_around(ACCOUNT, MONDAY)
    finally:
        await database.aclose()

    assert isinstance(first, Lease)
    assert [each.fencing_token for each in given] == [first.fencing_token, second.fencing_token]
    assert order.record == bought
    assert order.sent_at is not None
    assert given[0].acquired_at <= order.sent_at < given[1].acquired_at
    assert (fill.quantity, position.quantity) == (10, 10)


def test_an_order_that_a_watch_has_sent_was_submitted_once() -> None:
    signal = {"reason": "stop_loss", "sent": {"intent_id": "run-1/2"}}
    done = {"scheduled_event_id": 9, "result": {"payloads": [{"data": json.dumps(signal).encode()}]}}
    events = [
        scheduled("watch_position", 2, 9, position_id=POSITION, symbol=SAMSUNG),
        event(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, 4, activity_task_completed_event_attributes=done),
    ]

    decoded = histories_of([Run("trading-worker/a/worker-1", WORKER, events)])

    sent_at = NOW + timedelta(seconds=4)
    assert decoded.submits == (Submit(IntentId("run-1/2"), "trading-worker/a/worker-1", sent_at),)


def completed(at: float, scheduled_id: int, **answer: Any) -> HistoryEvent:
    result = Payloads(payloads=[Payload(data=json.dumps(answer).encode())])
    attributes = {"scheduled_event_id": scheduled_id, "result": result}
    return event(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, at, activity_task_completed_event_attributes=attributes)


def test_a_buy_in_one_step_shows_its_order_and_the_watch_that_began_with_it() -> None:
    held = {"position_id": POSITION, "symbol": SAMSUNG}
    events = [
        scheduled("enter_position", 2, 9, entry={"intent_id": "run-1/1"}),
        completed(3, 9, decision={"kind": "prepared"}, watched={"held": held, "due": None}),
        exit_signal(5, position_id=POSITION, signal={"reason": "stop_loss", "sent": {"intent_id": "run-1/2"}}),
    ]

    found = histories_of([Run("trading-worker/a/worker-1", WORKER, events)])

    assert [each.intent_id for each in found.submits] == ["run-1/1", "run-1/2"]
    (watch,) = found.watches
    assert (watch.since, watch.until) == (NOW + timedelta(seconds=3), NOW + timedelta(seconds=5))
    assert watch.signalled


@pytest.mark.parametrize(
    ("answer", "submits"),
    [
        ({"decision": {"kind": "no_entry"}}, []),
        ({"decision": None}, []),
        ({"decision": {"kind": "prepared"}, "order": {"status": "intended"}}, []),
        ({"decision": {"kind": "prepared"}, "order": {"status": "filled", "ref": {"number": "7"}}}, ["7"]),
        ({"decision": {"kind": "prepared"}, "order": {"status": "sending", "ref": None}}, [""]),
    ],
    ids=["no entry", "busy", "never permitted", "filled", "lost"],
)
def test_a_buy_in_one_step_counts_as_sent_only_with_a_permit(answer: dict[str, Any], submits: list[str]) -> None:
    events = [scheduled("enter_position", 2, 9, entry={"intent_id": "run-1/1"}), completed(3, 9, **answer)]

    found = histories_of([Run("trading-worker/a/worker-1", WORKER, events)])

    assert [each.accepted for each in found.submits] == submits
    assert found.watches == ()
