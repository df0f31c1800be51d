"""Charts of trades: what is packed comes back, lines follow the exit rules, and missing prices are counted."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.bar import MinuteBar
from domain.rules import ExitRules
from reporting.candles import charts_of, charts_of_session, signals_while_free
from reporting.indicators import moving_average, stop_price, target_price, trailing_steps, vwap
from reporting.market import Recorded, RecordedDay, RefusedEntry, SignalRun, runs_of
from reporting.packing import packed, steps
from tests.reporting.bars import TEN, bars_in, closes_of, line_in, minutes, unpacked
from tests.reporting.parts import FIRST, a_carried_position, a_day, a_win, minute, some_bars
from tests.support.builders import HYNIX, MONDAY, SAMSUNG, a_session

RULES = ExitRules(
    stop_loss=Decimal("0.03"),
    take_profit=Decimal("0.05"),
    trailing_start=Decimal("0.02"),
    trailing_distance=Decimal("0.01"),
)
PRICES = st.integers(1, 10_000)


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_packed_numbers_come_back(numbers: list[int]) -> None:
    assert unpacked(packed(numbers)) == numbers
    assert unpacked(packed(steps(numbers))) == [b - a for a, b in zip([0, *numbers], numbers, strict=False)]


def test_vlq_is_that_of_source_maps() -> None:
    assert packed([0, 1, -1, 15, 16, -16, 1_000]) == "ACDegBhBw+B"


@given(st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES), min_size=1, max_size=30), st.sets(st.integers(1, 28)))
def test_the_candles_of_a_chart_are_the_recorded_bars(prices: list[tuple[int, ...]], absent: set[int]) -> None:
    bars = [
        MinuteBar(TEN + place, four[0], max(four), min(four), four[1], place)
        for place, four in enumerate(prices)
        if place not in absent
    ]

    chart = charts_of([a_day(a_win())], Recorded({MONDAY: RecordedDay({SAMSUNG: bars})}))["prices"][
        f"{MONDAY} {SAMSUNG}"
    ]

    assert bars_in(chart) == [bar[1:5] for bar in bars]
    shown = [each for each in range(chart["from"], bars[-1].minute + 1) if each not in chart["gaps"]]
    assert shown == [bar.minute for bar in bars]
    assert len(line_in(chart, "vwap")) == len(line_in(chart, "average")) == len(bars)


def test_vwap_weighs_by_volume() -> None:
    bars = [
        MinuteBar(TEN, 100, 110, 90, 100, 0),
        MinuteBar(TEN, 100, 110, 90, 100, 1),
        MinuteBar(TEN, 0, 210, 190, 200, 3),
    ]

    assert vwap(bars) == [100, 100, 175]


@given(st.lists(st.tuples(PRICES, st.integers(0, 1_000)), min_size=1))
def test_vwap_lies_between_the_lowest_and_the_highest_price(seen: list[tuple[int, int]]) -> None:
    bars = [MinuteBar(TEN, price, price, price, price, volume) for price, volume in seen]

    assert all(min(p for p, _ in seen) - 1e-6 <= each <= max(p for p, _ in seen) + 1e-6 for each in vwap(bars))


def test_a_moving_average_begins_with_what_there_is() -> None:
    assert moving_average(minutes([10, 20, 60, 100]), 2) == [10, 15, 40, 80]


def test_stop_and_target_follow_from_the_entry() -> None:
    assert stop_price(Decimal(10_000), RULES) == 9_700
    assert target_price(Decimal(10_000), RULES) == 10_500
    off = replace(RULES, stop_loss=Decimal(0), take_profit=Decimal(0))
    assert (stop_price(Decimal(1), off), target_price(Decimal(1), off)) == (None, None)


def test_the_trailing_stop_is_armed_by_a_high_and_never_falls() -> None:
    held = minutes([10_100, 10_300, 10_200, 10_400])

    # 10,100 is less than 2 % above the entry; 10,300 and 10,400 raise the line from the minute after.
    assert trailing_steps(held, Decimal(10_000), RULES) == [(TEN + 2, Decimal(10_197)), (TEN + 4, Decimal(10_296))]
    assert trailing_steps(held, Decimal(10_000), replace(RULES, trailing_distance=Decimal(0))) == []


def test_a_trade_has_its_lines_signals_and_refusals() -> None:
    bars = minutes([70_000 + 500 * place for place in range(12)])
    signals = {SAMSUNG: (SignalRun(TEN - 10, TEN + 2), SignalRun(TEN + 30, TEN + 40))}
    day = a_day(
        a_win(),
        exit_rules={FIRST: RULES},
        refused=(RefusedEntry(minute(20), SAMSUNG, "COOLING_DOWN"), RefusedEntry(minute(21), HYNIX, "COOLING_DOWN")),
    )

    (view,) = charts_of([day], Recorded({MONDAY: RecordedDay({SAMSUNG: bars}, signals=signals)}))["views"]

    assert (view["trade"], view["stop"], view["target"]) == (0, 67_900, 73_500)
    assert view["trailing"][0] == [TEN + 4, 70_785.0]
    assert view["signals"] == [[TEN - 10, TEN, 1], [TEN + 30, TEN + 40, 0]]
    assert view["refused"] == [[TEN + 20, "COOLING_DOWN"]]


def test_signals_while_the_stock_is_held_are_not_missed() -> None:
    assert signals_while_free([SignalRun(10, 30)], [(15, 20)]) == [[10, 15, 1], [21, 30, 0]]
    assert signals_while_free([SignalRun(10, 14)], [(15, 20)]) == [[10, 14, 1]]
    assert signals_while_free([SignalRun(16, 20)], [(15, 20)]) == []


@given(st.sets(st.integers(0, 380)), st.lists(st.tuples(st.integers(0, 380), st.integers(0, 60)), max_size=3))
def test_every_free_minute_with_a_signal_is_in_one_run(at: set[int], held: list[tuple[int, int]]) -> None:
    spans = [(since, since + length) for since, length in held]

    runs = signals_while_free(runs_of(sorted(at), a_session()), spans)

    shown = [minute for first, last, _ in runs for minute in range(first, last + 1)]
    opens = 9 * 60
    assert shown == [each + opens for each in sorted(at) if not any(a < each + opens <= b for a, b in spans)]


def test_without_a_store_the_bars_are_what_watchers_saw_on_that_date() -> None:
    yesterday = some_bars(FIRST, -24 * 60, [60_000])
    day = a_day(a_win(), bars=(*yesterday, *some_bars(FIRST, 0, [70_100])))

    charts = charts_of_session(day, Recorded())

    (chart,) = charts["prices"].values()
    assert (closes_of(chart), chart["whole"], "vwap" in chart) == ([70_100], False, False)
    assert (charts["whole"], charts["held"], charts["views"][0]["signals"]) == (0, 1, None)


def test_a_position_that_is_left_has_a_chart_on_the_page_of_its_day() -> None:
    position, fills = a_carried_position()
    day = a_day(a_win(), left=(position,), fills=fills, exit_rules={position.position_id: RULES})

    _, view = charts_of_session(day, Recorded())["views"]

    assert (view["left"], view["stop"]) == (0, round(float(position.entry_price) * 0.97, 1))


def test_too_many_charts_leave_out_the_smallest_results_and_count_them() -> None:
    recorded = Recorded({MONDAY: RecordedDay({SAMSUNG: minutes([70_000]), HYNIX: minutes([200_000])})})

    charts = charts_of([a_day()], recorded, most=1)

    assert [view["prices"] for view in charts["views"]] == [None, f"{MONDAY} {HYNIX}"]
    assert (charts["left_out"], charts["unrecorded"], charts["whole"]) == (1, 0, 1)
    assert charts_of([a_day(bars=())], Recorded())["unrecorded"] == 2


def test_a_position_of_an_earlier_day_was_held_since_the_opening() -> None:
    bars = minutes([71_500, 71_600], since=9 * 60 + 5)
    old = replace(a_win(), opened_at=minute(-24 * 60))
    day = a_day(old, exit_rules={FIRST: RULES})

    (view,) = charts_of([day], Recorded({MONDAY: RecordedDay({SAMSUNG: bars})}))["views"]

    assert [step[0] for step in view["trailing"]] == [9 * 60 + 6, 9 * 60 + 7]
