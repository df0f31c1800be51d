"""Events of unsold shares of a session: critical, and identical in each process that finds them."""

from datetime import timedelta

from domain.event import UNSOLD_AT_CLOSE, Event, EventLevel, carried_event, unsold_event
from domain.money import Quantity
from tests.support.builders import ACCOUNT, MONDAY, NOW, SAMSUNG


def test_unsold_shares_are_a_critical_event_once_a_session() -> None:
    event = unsold_event(ACCOUNT, MONDAY, NOW, (SAMSUNG, Quantity(7)), "halted")
    later = unsold_event(ACCOUNT, MONDAY, NOW + timedelta(minutes=1), (SAMSUNG, Quantity(5)), "no bids")

    assert event == Event(
        ACCOUNT,
        UNSOLD_AT_CLOSE,
        EventLevel.CRITICAL,
        NOW,
        MONDAY,
        symbol=SAMSUNG,
        detail={"quantity": 7, "why": "halted"},
        key=f"unsold/{ACCOUNT}/2026-11-23/005930",
    )
    assert later.key == event.key


def test_shares_that_are_carried_overnight_are_a_critical_event_once_a_session() -> None:
    assert carried_event(ACCOUNT, MONDAY, NOW, SAMSUNG, Quantity(7)) == Event(
        ACCOUNT,
        "position_carried_overnight",
        EventLevel.CRITICAL,
        NOW,
        MONDAY,
        symbol=SAMSUNG,
        detail={"quantity": 7},
        key=f"carried/{ACCOUNT}/2026-11-23/005930",
    )
