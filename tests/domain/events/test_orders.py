"""Events of an order keep the keys of earlier versions, so that two versions of a host report a thing once."""

from dataclasses import replace

from domain.errors import TradingError
from domain.event_kind import EventKind
from domain.events import orders
from domain.money import Quantity
from domain.order import OrderPurpose, OrderStatus
from domain.risk import Denial, Denied
from domain.session import session_date_of
from tests.support.builders import MONDAY, NOW, a_broker_order, an_intent, an_order


def test_a_conclusion_is_dated_by_the_decision_and_reported_once() -> None:
    order = an_order(status=OrderStatus.UNKNOWN)

    event = orders.order_quarantined(order, "twins")

    assert (event.kind, event.at, event.session_date) == (EventKind.ORDER_QUARANTINED, order.intent.decided_at, MONDAY)
    assert event.detail == {"intent_id": order.intent.intent_id, "was": "unknown", "evidence": "twins"}
    assert event.key == f"order_quarantined/{order.intent.intent_id}"


def test_the_keys_of_fills_name_what_was_booked() -> None:
    order, row = an_order(), a_broker_order()
    about = order.intent.intent_id

    late = orders.late_fill_not_booked(order, row, TradingError("no position"), NOW)
    missing = orders.missing_fill_booked(order, row, NOW)
    provisional = orders.fill_booked_provisionally(order, NOW)
    unlisted = orders.accepted_order_not_listed(order, NOW)
    short = orders.sale_listed_short(order, Quantity(3), NOW)

    assert late.key == f"late_fill_not_booked/{about}/{row.filled_quantity}"
    assert missing.key == f"missing_fill_booked/{about}/{row.filled_quantity}/{row.filled_amount}"
    assert provisional.key == f"fill_booked_provisionally/{about}/{order.filled_quantity}/{order.status}"
    assert unlisted.key == f"accepted_order_not_listed/{about}"
    assert short.key == f"sale_listed_short/{about}/"
    assert (unlisted.detail["quantity"], provisional.detail["quantity"]) == (
        order.intent.quantity,
        order.filled_quantity,
    )


def test_an_undecided_order_is_reported_on_the_day_on_which_it_blocks() -> None:
    intent = replace(an_intent(), session_date=MONDAY)
    event = orders.past_order_undecided(intent, "hidden", NOW)

    assert event.session_date == session_date_of(NOW)
    assert event.key == f"past_order_undecided/{intent.intent_id}/{session_date_of(NOW)}"


def test_a_denied_sale_is_another_kind_than_a_denied_buy() -> None:
    verdict = Denied(Denial.KILL_SWITCH_ON, "on")
    buy, sale = an_intent(), replace(an_intent(), purpose=OrderPurpose.EXIT)

    assert orders.order_denied(buy, verdict, "1").kind is EventKind.ENTRY_DENIED
    assert orders.order_denied(sale, verdict, "2").kind is EventKind.EXIT_DENIED
