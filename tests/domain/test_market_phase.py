"""The exchange's own messages beside the calendar: a halt or a disagreement is detected, silence proves nothing."""

from datetime import datetime, timedelta

import pytest

from domain.market_phase import AGREES, LONGEST_HALT, Heard, Judgement, MarketWord, judge
from domain.session import CSAT_HOURS, REGULAR_HOURS, Session, session_of
from tests.support.stepping import kst

REGULAR = session_of(kst("2026-11-23 12:00").date(), REGULAR_HOURS)
CSAT = session_of(kst("2026-11-23 12:00").date(), CSAT_HOURS)


def at(clock: str) -> datetime:
    return kst(f"2026-11-23 {clock}")


def judged(session: Session, word: MarketWord, heard: str, now: str, *, is_current: bool = True) -> Judgement:
    return judge(session, Heard(word, "174", at(heard), is_current), at(now)).judgement


def test_silence_says_nothing() -> None:
    assert judge(REGULAR, None, at("10:00")) == AGREES


@pytest.mark.parametrize(
    ("word", "heard", "now"),
    [
        (MarketWord.OPENING_AUCTION, "08:30", "08:59"),
        (MarketWord.OPENING_AUCTION, "08:30", "09:01"),
        (MarketWord.OPENING_AUCTION, "08:20", "08:21"),
        (MarketWord.OPEN, "09:00", "15:19"),
        (MarketWord.OPEN, "09:00", "15:21"),
        (MarketWord.CLOSING_AUCTION, "15:19", "15:19"),
        (MarketWord.CLOSED, "15:30", "18:00"),
        (MarketWord.CLOSED, "15:29", "15:29"),
        (MarketWord.SIDECAR_ON, "10:00", "10:00"),
    ],
)
def test_messages_of_an_ordinary_day_agree(word: MarketWord, heard: str, now: str) -> None:
    assert judged(REGULAR, word, heard, now) is Judgement.AGREES


@pytest.mark.parametrize(
    ("session", "word", "heard", "now"),
    [
        pytest.param(REGULAR, MarketWord.OPENING_AUCTION, "08:30", "09:03", id="a late open"),
        pytest.param(REGULAR, MarketWord.CLOSED, "11:00", "11:00", id="an early close"),
        pytest.param(CSAT, MarketWord.CLOSING_AUCTION, "15:20", "15:20", id="closing an hour before the calendar"),
        pytest.param(CSAT, MarketWord.OPEN, "09:00", "09:00", id="opening an hour before the calendar"),
        pytest.param(REGULAR, MarketWord.CLOSING_AUCTION, "08:59", "08:50", id="a closing auction in the morning"),
    ],
)
def test_a_disagreement_is_found(session: Session, word: MarketWord, heard: str, now: str) -> None:
    assert judged(session, word, heard, now) is Judgement.DIFFERS


def test_a_close_that_the_exchange_has_not_announced_is_late() -> None:
    assert judged(REGULAR, MarketWord.OPEN, "09:00", "15:23") is Judgement.LATE_CLOSE
    assert judged(REGULAR, MarketWord.CLOSING_AUCTION, "15:20", "15:33") is Judgement.LATE_CLOSE


def test_a_message_after_which_something_may_have_been_missed_proves_no_disagreement() -> None:
    assert judged(REGULAR, MarketWord.OPENING_AUCTION, "08:30", "09:10", is_current=False) is Judgement.AGREES


@pytest.mark.parametrize("is_current", [True, False])
def test_a_halt_is_believed_until_its_longest_time_is_over(*, is_current: bool) -> None:
    halted = Heard(MarketWord.HALTED, "174", at("10:00"), is_current)
    ends_at = at("10:00") + LONGEST_HALT

    assert judge(REGULAR, halted, ends_at - timedelta(seconds=1)).judgement is Judgement.HALTED
    assert judge(REGULAR, halted, ends_at) == AGREES


def test_a_reason_names_both_sources() -> None:
    why = judge(CSAT, Heard(MarketWord.CLOSING_AUCTION, "121", at("15:20")), at("15:20")).why

    assert "closing_auction (message 121) was received at 15:20, the calendar says continuous" in why


@pytest.mark.parametrize("now", ["09:04", "09:20", "09:44"])
def test_a_slack_longer_than_a_phase_contains_that_phase(now: str) -> None:
    """In a day at 180-fold speed fifteen seconds are 45 minutes, and the opening auction has 30."""
    heard = Heard(MarketWord.OPENING_AUCTION, "110", at("08:30"))

    assert judge(REGULAR, heard, at(now), timedelta(minutes=45)) == AGREES
    assert judge(REGULAR, heard, at("09:46"), timedelta(minutes=45)).judgement is Judgement.DIFFERS
