"""Events of a position: critical where a person must act, and identical in each process that finds them."""

from datetime import timedelta

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.events.positions import position_carried_overnight, position_unsold_at_close
from domain.money import Quantity
from tests.support.builders import ACCOUNT, MONDAY, NOW, SAMSUNG, an_open_position


def test_unsold_shares_are_a_critical_event_once_a_session() -> None:
    event = position_unsold_at_close(an_open_position(7), MONDAY, "halted", NOW)
    later = position_unsold_at_close(an_open_position(5), MONDAY, "no bids", NOW + timedelta(minutes=1))

    assert event == Event(
        ACCOUNT,
        EventKind.POSITION_UNSOLD_AT_CLOSE,
        EventLevel.CRITICAL,
        NOW,
        MONDAY,
        symbol=SAMSUNG,
        detail={"quantity": 7, "why": "halted"},
        key=f"unsold/{ACCOUNT}/2026-11-23/005930",
    )
    assert later.key == event.key


def test_shares_that_are_carried_overnight_are_a_critical_event_once_a_session() -> None:
    assert position_carried_overnight(ACCOUNT, MONDAY, SAMSUNG, Quantity(7), NOW) == Event(
        ACCOUNT,
        EventKind.POSITION_CARRIED_OVERNIGHT,
        EventLevel.CRITICAL,
        NOW,
        MONDAY,
        symbol=SAMSUNG,
        detail={"quantity": 7},
        key=f"carried/{ACCOUNT}/2026-11-23/005930",
    )
