"""What is shown of a day grows with time: never ahead of it, and the same in whatever order it is asked for."""

from datetime import UTC, datetime, timedelta

from domain.market import PriceSample
from lab.seen_day import SeenDay
from simulator.natural_day import MinuteBar

OPENS_AT = datetime(2025, 11, 17, tzinfo=UTC)
STARTS = tuple(OPENS_AT + timedelta(minutes=minute) for minute in range(4))
BARS = (
    MinuteBar(100, 110, 90, 105, 600),
    MinuteBar(105, 105, 105, 105, 0),
    MinuteBar(104, 130, 104, 125, 1_200),
    MinuteBar(125, 125, 80, 81, 60),
)


def test_a_minute_shows_only_what_was_before_it() -> None:
    day = SeenDay(BARS, STARTS)

    assert [bar.close for bar in day.bars_before(2)] == [105, 105]
    assert day.bars_before(0) == ()
    assert (day.totals_before(0).volume, day.totals_before(1).high, day.totals_before(3).volume) == (0, 110, 1_800)
    assert (day.totals_before(3).low, day.totals_before(4).low) == (90, 80)


def test_a_sample_counts_the_first_second_of_its_minute() -> None:
    assert SeenDay(BARS, STARTS).samples(1, 2) == (PriceSample(STARTS[1], 105, 600), PriceSample(STARTS[2], 104, 620))  # type: ignore[arg-type]


def test_the_order_of_questions_does_not_matter() -> None:
    late_first, in_order = SeenDay(BARS, STARTS), SeenDay(BARS, STARTS)
    answers = [
        [(day.bars_before(minute), day.samples(0, minute), day.totals_before(minute)) for minute in minutes]
        for day, minutes in ((late_first, (3, 1, 2)), (in_order, (1, 2, 3)))
    ]

    assert sorted(answers[0], key=lambda each: len(each[0])) == answers[1]
