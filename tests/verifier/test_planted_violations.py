"""Every check finds nothing in clean books, and finds the fault planted for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from database.audit import Acquisition, Lapse
from domain.costs import Costs
from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Quantity, Won
from domain.order import OrderStatus
from domain.position import ExitReason, PositionStatus
from tests.support.builders import MONDAY, POSITION, SAMSUNG, WORKER, a_plan
from tests.verifier.a_day import (
    BUY,
    a_clean_day,
    a_position,
    a_row,
    after,
    an_audited_order,
    an_event,
    still_held,
    with_broker,
    with_ledger,
    with_order,
)
from verifier.books import Books, SaleCommand, Submit
from verifier.guarding import longest_gap
from verifier.invariants import INVARIANTS, violations
from verifier.money import owners_shares

HAND_BUY = a_row(9, Side.BUY, 20, by_hand=True, costs=Costs(Won(100)))
"""The stock's second purchase of the day: 1,400,000 won cost 190, of which the first 700,000 have paid 90."""
EARLIER = a_row(8, Side.SELL, 0, by_hand=True, quantity=Quantity(4), day=MONDAY - timedelta(days=3))
TWIN = a_row(3, Side.BUY, 0.5)


def found_in(books: Books) -> dict[str, list[str]]:
    """Return the findings by invariant, without the evidence."""
    return {name: [each.what for each in found] for name, found in violations(books).items() if found}


def broker_rows(*rows: object) -> Callable[[Books], Books]:
    return lambda books: with_broker(books, orders=(*books.broker.orders, *rows))


def beside_another(books: Books) -> Books:
    """A second position was bought while the first was held."""
    books = with_ledger(books, positions=(*books.ledger.positions, a_position(position_id="run-2/1")))
    return an_extra_order(position_id="run-2/1")(broker_rows(TWIN)(books))


def rest_sold_by_the_owner(books: Books) -> Books:
    """The owner manually sold four of ten shares, and the stock was bought again later."""
    trade = replace(books.ledger.trades[0], exit_reason=ExitReason.FOREIGN_SALE)
    rows = (books.broker.orders[0], a_row(2, Side.SELL, 60, quantity=Quantity(6)), a_row(3, Side.BUY, 90))
    books = with_ledger(books, trades=(trade,), positions=(*books.ledger.positions, a_position(position_id="run-2/1")))
    again = an_audited_order(3, Side.BUY, 90, intent_id="run-2/1", position_id="run-2/1")
    return with_ledger(with_broker(books, orders=rows), orders=(*books.ledger.orders, again))


def submitted_twice(books: Books) -> Books:
    submits = (*books.histories.submits, Submit(BUY, "trading-worker/1", after(0.2)))
    return replace(books, histories=replace(books.histories, submits=submits))


def accepted_and_never_booked(books: Books) -> Books:
    """The broker accepted the purchase and lists it nowhere; the ledger calls it absent, the history has the number."""
    submit = replace(books.histories.submits[0], accepted=books.broker.orders[0].number)
    books = replace(books, histories=replace(books.histories, submits=(submit, *books.histories.submits[1:])))
    absent = with_order(books, 0, status=OrderStatus.NEVER_PLACED, ref=None, filled_quantity=0, filled_amount=Won(0))
    return with_broker(absent, orders=absent.broker.orders[1:])


def filled_and_never_booked(_: Books) -> Books:
    """The broker bought a minute ago, and the ledger has booked no share: no worker watches the position."""
    books = with_order(still_held(), 0, status=OrderStatus.ACCEPTED, filled_quantity=0, filled_amount=Won(0))
    books = with_ledger(books, fills=(), positions=(replace(books.ledger.positions[0], bought=Quantity(0)),))
    return replace(books, histories=replace(books.histories, watches=()))


def an_extra_order(**changes: object) -> Callable[[Books], Books]:
    extra = an_audited_order(3, Side.BUY, 0.5, intent_id="run-2/1", **changes)
    return lambda books: with_ledger(books, orders=(*books.ledger.orders, extra))


def ledger(**changes: object) -> Callable[[Books], Books]:
    return lambda books: with_ledger(books, **changes)


def commanded(command: str) -> Callable[[Books], Books]:
    sent = (SaleCommand(WORKER, command, after(10)),)
    return lambda books: replace(still_held_at_the_end(), histories=replace(books.histories, watches=(), commands=sent))


def still_held_at_the_end() -> Books:
    return replace(still_held(), read_at=a_plan().session.ends_at + timedelta(minutes=1))


def unsold_at(read_at: datetime) -> Books:
    books = with_ledger(
        still_held_at_the_end(),
        events=(an_event(EventKind.POSITION_UNSOLD_AT_CLOSE, detail={"quantity": 10}),),
        lapses=(),
    )
    return replace(books, read_at=read_at)


def shares_at_the_end(shown: int, owned_before: int = 0) -> Books:
    holdings, before = ({SAMSUNG: Quantity(shares)} for shares in (shown, owned_before))
    books = with_broker(a_clean_day(), holdings=holdings, owned_before=before)
    return replace(books, read_at=a_plan().session.ends_at + timedelta(minutes=1))


def partly_taken() -> Books:
    """Return books of a held position of which the owner sold four shares, and has bought ten since."""
    books = still_held()
    sold = a_row(8, Side.SELL, 10, by_hand=True, quantity=Quantity(4))
    held = replace(
        books.ledger.positions[0], status=PositionStatus.EXITING, sold=Quantity(4), taken=Quantity(4), taken_on=MONDAY
    )
    return with_ledger(
        with_broker(
            books,
            orders=(*books.broker.orders, sold, HAND_BUY),
            holdings={SAMSUNG: Quantity(16)},
            cash=Won(books.broker.cash + sold.flow + HAND_BUY.flow),
        ),
        positions=(held,),
    )


def test_what_the_owner_sold_of_ours_is_counted_once_however_far_back_the_broker_reports() -> None:
    books = partly_taken()
    one_day = with_broker(books, opening_cash=None)
    later = with_ledger(one_day, positions=(replace(books.ledger.positions[0], taken_on=MONDAY - timedelta(days=1)),))

    assert owners_shares(books) == owners_shares(one_day) == {SAMSUNG: 10}
    assert owners_shares(later) == {SAMSUNG: 6}


def test_clean_books_have_no_violation() -> None:
    assert found_in(a_clean_day()) == {}


def test_a_held_position_in_a_running_session_is_no_violation() -> None:
    assert found_in(still_held()) == {}


def test_every_invariant_has_a_check_of_its_own() -> None:
    assert [invariant.name for invariant in INVARIANTS] == [f"I{number}" for number in range(1, 12)]
    assert len({invariant.check for invariant in INVARIANTS}) == 11


PLANTED = [
    ("I1", "an order at the broker without an intent", broker_rows(TWIN)),
    ("I1", "an accepted intent without an order at the broker", an_extra_order()),
    ("I1", "one broker order for several intents", lambda b: with_order(b, 1, ref=b.ledger.orders[0].record.ref)),
    (
        "I1",
        "an order of the owner adopted as Haru's",
        lambda b: with_broker(b, orders=(replace(b.broker.orders[0], by_hand=True),)),
    ),
    ("I1", "an intent submitted twice", submitted_twice),
    ("I1", "an accepted order that was never booked", accepted_and_never_booked),
    ("I1", "a sent order that is not in the ledger", ledger(orders=())),
    ("I2", "two orders active at once on one side", broker_rows(TWIN)),
    (
        "I2",
        "two active intents on one side",
        lambda b: an_extra_order(status=OrderStatus.UNKNOWN, ref=None)(with_order(b, 0, status=OrderStatus.ACCEPTED)),
    ),
    (
        "I2",
        "two open positions in one symbol",
        ledger(positions=(a_position(sold=Quantity(0)), a_position(sold=Quantity(5)))),
    ),
    ("I2", "a position opened while another was open", beside_another),
    (
        "I3",
        "more sold than bought",
        lambda b: with_broker(b, orders=(b.broker.orders[0], a_row(2, Side.SELL, 60, quantity=Quantity(11)))),
    ),
    ("I3", "more sold than bought", lambda b: with_broker(b, orders=(b.broker.orders[0], a_row(2, Side.SELL, -60)))),
    ("I3", "more sold than bought in the ledger", ledger(positions=(a_position(sold=Quantity(11)),))),
    (
        "I3",
        "a sale that the broker refused for lack of shares",
        lambda b: with_order(b, 1, status=OrderStatus.REJECTED, ref=None, reject_code="APBK0400"),
    ),
    ("I4", "fills differ from the broker's", lambda b: with_order(b, 0, filled_amount=Won(700_001))),
    ("I4", "another order than intended", lambda b: with_order(b, 0, quantity=Quantity(11))),
    ("I4", "an order that has ended is active in the ledger", lambda b: with_order(b, 0, status=OrderStatus.ACCEPTED)),
    ("I4", "an order left unresolved", lambda b: with_order(b, 0, status=OrderStatus.UNKNOWN, ref=None)),
    ("I4", "holdings differ from the broker's", lambda b: with_broker(b, holdings={SAMSUNG: Quantity(1)})),
    ("I4", "holdings differ from the broker's", lambda b: with_broker(still_held(), holdings={})),
    ("I4", "cash differs from the broker's", lambda b: with_broker(b, cash=Won(b.broker.cash + 1))),
    ("I5", "unwatched for 57.5 s", lambda b: replace(b, histories=replace(b.histories, watches=()))),
    ("I5", "unwatched for 59.0 s", filled_and_never_booked),
    ("I5", "unwatched for 59.0 s", lambda b: with_ledger(filled_and_never_booked(b), orders=(), positions=())),
    ("I5", "unwatched for 40.0 s", ledger(lapses=(Lapse(SAMSUNG, after(10), after(50)),))),
    ("I6", "shares held after the session", lambda _: still_held_at_the_end()),
    ("I6", "shares held after the session", lambda _: unsold_at(a_plan().session.ends_at + timedelta(hours=5))),
    ("I6", "shares of unknown origin after the session", lambda _: shares_at_the_end(2)),
    ("I6", "shares of unknown origin after the session", lambda _: shares_at_the_end(3, owned_before=2)),
    (
        "I6",
        "an order still active after the session",
        lambda b: with_broker(b, orders=(replace(b.broker.orders[0], remaining=Quantity(1)),)),
    ),
    ("I6", "an order left open after the session", lambda b: with_order(b, 1, status=OrderStatus.UNKNOWN, ref=None)),
    (
        "I7",
        "a buy sent with the kill switch on",
        ledger(events=(an_event("kill_switch_pressed", -1), an_event("kill_switch_lifted", 1))),
    ),
    ("I7", "a buy sent with the kill switch on", ledger(events=(an_event("kill_switch_pressed", -1),))),
    ("I7", "a buy sent after the entries were closed", ledger(entries_closed_at=after(-1))),
    ("I7", "a buy sent after the cut-off", lambda b: with_order(b, 0, sent_at=a_plan().entries_until)),
    ("I8", "an order that is not the sum of its fills", lambda b: with_ledger(b, fills=b.ledger.fills[:1])),
    ("I8", "a position that is not the sum of its buys", ledger(positions=(a_position(cost=Won(700_001)),))),
    (
        "I8",
        "a position that is not the sum of its sales",
        lambda b: with_ledger(b, trades=(), positions=(a_position(proceeds=Won(1)),)),
    ),
    ("I8", "a sold position without a trade", ledger(trades=())),
    (
        "I8",
        "a trade that is not the sum of its orders",
        lambda b: with_ledger(b, trades=(replace(b.ledger.trades[0], exit_amount=Won(710_001)),)),
    ),
    (
        "I8",
        "costs that are not the broker's",
        lambda b: with_ledger(b, trades=(replace(b.ledger.trades[0], exit_costs=Costs()),)),
    ),
    (
        "I8",
        "costs that differ from KIS's rounding",
        lambda b: with_broker(b, orders=(replace(b.broker.orders[0], costs=Costs(Won(98))), b.broker.orders[1])),
    ),
    ("I8", "a summary that is not the sum of its trades", ledger(trades=())),
    ("I9", "an order sent under a token that was never issued", ledger(acquisitions=())),
    (
        "I9",
        "an order sent before its token was issued",
        ledger(acquisitions=(Acquisition(SAMSUNG, WORKER, 1, after(30)),)),
    ),
    (
        "I9",
        "an order sent under a token that was stale since 01:00:30.000000",
        ledger(acquisitions=(Acquisition(SAMSUNG, WORKER, 1, after(-5)), Acquisition(SAMSUNG, WORKER, 2, after(30)))),
    ),
    (
        "I10",
        "a sale denied: KILL_SWITCH_ON",
        lambda b: with_order(b, 1, status=OrderStatus.DENIED, denial="KILL_SWITCH_ON"),
    ),
    ("I10", "a signal to sell without a sale", lambda b: replace(still_held_at_the_end(), histories=b.histories)),
    ("I10", "a command to sell without a sale", commanded("liquidate")),
]


@pytest.mark.parametrize(("invariant", "what", "plant"), PLANTED, ids=[f"{name}-{what}" for name, what, _ in PLANTED])
def test_a_planted_violation_is_found(invariant: str, what: str, plant: Callable[[Books], Books]) -> None:
    assert what in found_in(plant(a_clean_day())).get(invariant, [])


@pytest.mark.parametrize(
    ("innocent", "books"),
    [
        (
            "the owner's own purchase",
            lambda b: with_broker(
                b,
                orders=(*b.broker.orders, HAND_BUY),
                holdings={SAMSUNG: Quantity(10)},
                cash=Won(b.broker.cash + HAND_BUY.flow),
            ),
        ),
        (
            "shares of ours that the owner sold, as it was booked, on an earlier day",
            lambda b: with_ledger(
                with_broker(b, orders=(*b.broker.orders, EARLIER), cash=Won(b.broker.cash + EARLIER.flow)),
                sold_by_others_before={SAMSUNG: Quantity(4)},
            ),
        ),
        ("a part of ours that the owner sold, the rest held beside what he bought then", lambda _: partly_taken()),
        (
            "a sale denied because its lease was lost",
            lambda b: with_ledger(
                b,
                orders=(
                    *b.ledger.orders,
                    an_audited_order(
                        3,
                        Side.SELL,
                        50,
                        intent_id="x",
                        status=OrderStatus.DENIED,
                        denial="LEASE_LOST",
                        ref=None,
                        filled_quantity=0,
                        filled_amount=0,
                        sent_at=None,
                    ),
                ),
            ),
        ),
        (
            "shares carried overnight that an event names",
            lambda _: with_ledger(
                still_held_at_the_end(),
                events=(an_event("position_carried_overnight", detail={"quantity": 10}),),
                lapses=(),
            ),
        ),
        ("what the evening may still sell", lambda _: unsold_at(a_plan().session.ends_at + timedelta(minutes=20))),
        ("what the owner held before the session", lambda _: shares_at_the_end(3, owned_before=3)),
        ("the kill switch pressed after the purchase", ledger(events=(an_event("kill_switch_pressed", 5),))),
        ("a lapse after the sale was decided", ledger(lapses=(Lapse(SAMSUNG, after(59), after(99)),))),
        (
            "an abandoned position",
            lambda b: with_ledger(
                b,
                positions=(
                    *b.ledger.positions,
                    a_position(position_id="p", status=PositionStatus.ABANDONED, bought=0, cost=0, sold=0, proceeds=0),
                ),
            ),
        ),
    ],
)
def test_what_is_allowed_is_no_violation(innocent: str, books: Callable[[Books], Books]) -> None:
    assert found_in(books(a_clean_day())) == {}, innocent


def test_a_position_whose_rest_the_owner_sold_is_not_open_any_more() -> None:
    assert "I2" not in found_in(rest_sold_by_the_owner(a_clean_day()))


def test_the_longest_gap_is_reported_even_when_it_is_short_enough() -> None:
    books = with_ledger(a_clean_day(), lapses=(Lapse(SAMSUNG, after(10), after(24)),))

    assert longest_gap(books) == timedelta(seconds=14)
    assert books.ledger.positions[0].position_id == POSITION
