"""Alerts: which events wait, which are sent at once, and how equal ones are folded."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alert import LEVELS, PendingAlert, due, fold, gist, levels_from, pause_after
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.market import Symbol
from tests.support.builders import ACCOUNT, HYNIX, NOW, SAMSUNG

MINUTE = timedelta(minutes=1)


def an_event(
    kind: str = "order_quarantined",
    level: EventLevel = EventLevel.CRITICAL,
    symbol: Symbol | None = SAMSUNG,
    minutes: int = 0,
    **detail: str | int,
) -> Event:
    return Event(ACCOUNT, kind_of(kind), level, NOW + minutes * MINUTE, symbol=symbol, detail=detail)


def pending(number: int, level: EventLevel, is_old: bool = False) -> PendingAlert:
    return PendingAlert(number, an_event(level=level), is_old)


@pytest.mark.parametrize(
    ("minimum", "levels"),
    [
        (EventLevel.WARNING, LEVELS),
        (EventLevel.ERROR, (EventLevel.ERROR, EventLevel.CRITICAL)),
        (EventLevel.CRITICAL, (EventLevel.CRITICAL,)),
    ],
)
def test_levels_begin_with_the_least_one(minimum: EventLevel, levels: tuple[EventLevel, ...]) -> None:
    assert levels_from(minimum) == levels


def test_everything_but_warnings_goes_at_once() -> None:
    waiting = (
        pending(1, EventLevel.WARNING),
        pending(2, EventLevel.ERROR, is_old=True),
        pending(3, EventLevel.CRITICAL),
        pending(4, EventLevel.INFO),
    )

    assert [alert.event_id for alert in due(waiting)] == [2, 3, 4]


def test_all_warnings_go_when_the_oldest_has_waited_long_enough() -> None:
    waiting = (pending(1, EventLevel.WARNING, is_old=True), pending(2, EventLevel.WARNING))

    assert due(waiting) == waiting


def test_equal_events_are_one_with_its_stocks_and_times() -> None:
    events = [an_event(symbol=symbol, minutes=minutes) for symbol, minutes in ((HYNIX, 3), (SAMSUNG, 1), (HYNIX, 2))]

    (folded,) = fold([*events])

    assert folded.events == tuple(events)
    assert folded.symbols == (HYNIX, SAMSUNG)
    assert folded.between == (NOW + MINUTE, NOW + 3 * MINUTE)


def test_another_kind_level_or_reason_stays_apart_and_the_loudest_goes_first() -> None:
    events = [
        an_event(level=EventLevel.WARNING),
        an_event(level=EventLevel.ERROR, why="one"),
        an_event(level=EventLevel.ERROR, why="two"),
        an_event(kind="exit_denied", level=EventLevel.ERROR, why="two", symbol=None),
        an_event(level=EventLevel.CRITICAL),
        an_event(level=EventLevel.INFO),
    ]

    folded = fold(events)

    assert [each.level for each in folded] == ["critical", "error", "error", "error", "warning", "info"]
    assert [(each.kind, each.gist) for each in folded[1:4]] == [
        ("order_quarantined", "one"),
        ("order_quarantined", "two"),
        ("exit_denied", "two"),
    ]
    assert folded[3].symbols == ()


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({}, ""),
        ({"why": "halted"}, "halted"),
        ({"why": "halted", "quantity": 1_200}, "×1,200: halted"),
        ({"quantity": 7}, "×7"),
        ({"denial": "COOLING_DOWN", "reason": "later"}, "COOLING_DOWN"),
        ({"reason": "", "cause": "cut"}, "cut"),
        ({"evidence": "twins", "kind": "missing_fill"}, "twins"),
        ({"detail": "a", "unexplained": 5}, "a"),
        ({"unexplained": -12_000}, "-12,000"),
        ({"unexplained": 12_000}, "+12,000"),
        ({"unexplained": 0}, "+0"),
        ({"by": "an operator"}, ""),
    ],
)
def test_the_gist_is_the_most_telling_reason(detail: dict[str, str | int], said: str) -> None:
    assert gist(replace(an_event(), detail=detail)) == said


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 5), (1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (8, 300), (1_000_000, 300)],
)
def test_the_pause_after_failures_doubles_up_to_five_minutes(failures: int, seconds: int) -> None:
    assert pause_after(failures) == timedelta(seconds=seconds)
