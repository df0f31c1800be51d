"""An outage's result is derived from the books: what was known when, and what makes a day unsound."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import MONDAY
from tests.verifier.a_day import SALE, a_clean_day, after, with_broker
from tools.chaos.outage_report import outages_table, timeline
from tools.chaos.outages import Moment, Outage, Part, Stood
from verifier.verdict import judged
from workflows.close_outcome import CloseOutcome


def stood(books: Any = None, **changes: Any) -> Stood:
    """Return a one-minute outage that starts 0.2 s after the clean day's sale was sent."""
    outage = Outage(Part.POSTGRES, Moment.EXIT, 60)
    closed = CloseOutcome(MONDAY, had_session=True)
    verdict = judged(books or a_clean_day())
    return replace(Stood(outage, SALE, after(60.2), after(60.9), closed, verdict), **changes)


def test_the_books_show_what_was_last_before_and_first_known_after() -> None:
    one = stood()

    assert one.last_before is not None
    assert one.last_before.what.startswith("sent sell")
    assert one.known_again is not None
    assert one.known_again.what.startswith("booked sell")
    assert one.after(one.known_again) == pytest.approx(0.6)
    assert one.meanwhile == ()
    assert one.ordered_again is None
    assert one.is_sound


def test_the_timeline_counts_from_the_beginning_and_shows_both_ends() -> None:
    lines = list(timeline(stood()))

    away = next(number for number, line in enumerate(lines) if "goes away" in line)
    back = next(number for number, line in enumerate(lines) if "may come back" in line)
    assert "-0.2 s  sent sell" in lines[away - 1]
    assert back == away + 1
    assert "+1.3 s  booked sell" in lines[back + 1]


def test_a_violation_or_a_close_that_never_came_makes_the_day_unsound() -> None:
    wrong = stood(with_broker(a_clean_day(), holdings={a_clean_day().ledger.positions[0].symbol: 3}))

    assert not wrong.is_sound
    assert not stood(closed=None).is_sound
    first, second = outages_table([wrong, stood(closed=None)]).splitlines()[2:]
    assert first.endswith("| yes | 2 |")
    assert second.endswith("| NO | 0 |")
    assert wrong.to_json()["verdict"]["violations"] == 2, "books that disagree (I4), and shares left over (I6)"


def test_the_day_is_long_enough_for_the_outage_and_for_bringing_all_to_order() -> None:
    day = Outage(Part.TEMPORAL, Moment.ENTRY, 60).day(workers=6, processes=2)

    assert timedelta(minutes=day.minutes) >= timedelta(seconds=60 + 36 + 60)
