"""A round's result separates our own shares from the owner's."""

from dataclasses import replace
from typing import Any

from domain.market import Side
from domain.money import Quantity
from domain.position import ExitReason
from tests.support.builders import MONDAY, SAMSUNG
from tests.verifier.a_day import a_clean_day, a_position, a_row, with_broker, with_ledger
from tools.chaos.report import outcome_json, unsound_because
from tools.chaos.rounds import Asked, Outcome
from verifier.books import Books
from verifier.verdict import judged
from workflows.close_outcome import CloseOutcome

HAND_BUY = a_row(9, Side.BUY, 20, by_hand=True)


def report_of(books: Books) -> dict[str, Any]:
    closed = CloseOutcome(MONDAY, had_session=True)
    return outcome_json(Outcome(Asked(1, 1.6, 2, 6), (), {}, closed, judged(books), 1.0))


def bought_by_hand(shown: int) -> Books:
    """Return a clean day on which the owner also bought ten shares and the broker shows ``shown`` in total."""
    books = a_clean_day()
    return with_broker(books, orders=(*books.broker.orders, HAND_BUY), holdings={SAMSUNG: Quantity(shown)})


def test_a_round_that_loses_a_channel_for_alerts_is_not_sound() -> None:
    closed = CloseOutcome(MONDAY, had_session=True)
    outcome = Outcome(Asked(1, 1.6, 2, 6), (), {}, closed, judged(a_clean_day()), 1.0)

    assert unsound_because(outcome) == []
    assert unsound_because(replace(outcome, lost_channels=("0123",))) == ["lost alert channels: 0123"]


def test_a_round_in_which_no_order_reached_the_broker_is_not_sound() -> None:
    closed = CloseOutcome(MONDAY, had_session=True)
    clean = a_clean_day()
    quiet = with_broker(with_ledger(clean, orders=(), fills=(), positions=(), trades=()), orders=(HAND_BUY,))
    outcome = Outcome(Asked(1, 1.6, 2, 6), (), {}, closed, replace(judged(clean), books=quiet), 1.0)

    assert unsound_because(outcome) == ["no order of ours reached the broker, so the round shows nothing"]
    assert outcome_json(outcome)["unsound_because"] == unsound_because(outcome)


def test_a_round_names_violations_and_a_close_that_did_not_end() -> None:
    wrong = with_broker(a_clean_day(), holdings={SAMSUNG: Quantity(3)})
    outcome = Outcome(Asked(1, 1.6, 2, 6), (), {}, None, judged(wrong), 1.0)

    assert unsound_because(outcome) == ["the close did not end in time", "2 violations"]


def test_a_day_that_sold_everything_leaves_nothing() -> None:
    outcome = report_of(a_clean_day())

    assert outcome["ours_flat"]
    assert outcome["left_at_the_broker"] == {}


def test_what_the_owner_bought_is_left_and_is_not_ours() -> None:
    outcome = report_of(bought_by_hand(10))

    assert outcome["ours_flat"]
    assert outcome["left_at_the_broker"] == {SAMSUNG: 10}


def test_a_share_beyond_the_owners_is_ours() -> None:
    outcome = report_of(bought_by_hand(11))

    assert not outcome["ours_flat"]
    assert outcome["left_at_the_broker"] == {SAMSUNG: 11}


def test_a_position_in_the_ledger_alone_is_not_flat() -> None:
    held = a_position(sold=Quantity(7))
    outcome = report_of(with_ledger(a_clean_day(), positions=(held,)))

    assert not outcome["ours_flat"]
    assert outcome["left_at_the_broker"] == {}
    assert outcome["held_at_the_end"] == [f"{SAMSUNG} ×3 {held.position_id}"]


def test_our_shares_that_the_owner_sold_are_not_missed() -> None:
    books = bought_by_hand(10)
    sold_by_hand = replace(books.broker.orders[1], by_hand=True)
    trade = replace(books.ledger.trades[0], exit_reason=ExitReason.FOREIGN_SALE)
    books = with_broker(books, orders=(books.broker.orders[0], sold_by_hand, HAND_BUY))
    outcome = report_of(with_ledger(books, trades=(trade,), orders=books.ledger.orders[:1]))

    assert outcome["ours_flat"]
    assert outcome["left_at_the_broker"] == {SAMSUNG: 10}
