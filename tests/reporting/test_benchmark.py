"""Buying and holding against values computed on paper: stakes, costs of the date, splits, and missing bars."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.bar import DailyBar
from domain.market import Symbol
from domain.money import Won
from domain.position import ClosedTrade
from domain.session import SessionDate
from reporting.benchmark import Stakes, comparison, held_through, index_line, intraday, session_return, universe
from reporting.market import Recorded, RecordedDay
from tests.reporting.bars import a_daily_bar
from tests.support.builders import HYNIX, MONDAY, SAMSUNG, a_closed_trade

DAYS = [SessionDate(MONDAY + timedelta(days=place)) for place in range(3)]
COMMISSION = float(Decimal("0.000140527"))
TAX = float(Decimal("0.0020"))


def traded(day: SessionDate, symbol: Symbol, amount: int) -> ClosedTrade:
    return a_closed_trade(amount // 10, amount // 10, 10, symbol=symbol, session_date=day)


def bars(*pairs: tuple[int, int], **changes: int) -> list[DailyBar]:
    return [a_daily_bar(day, *pair, **changes) for day, pair in zip(DAYS, pairs, strict=True)]


def stakes() -> Stakes:
    """Two million in one stock on the first day, one million in each of two on the second, nothing on the third."""
    trades = [
        traded(DAYS[0], SAMSUNG, 2_000_000),
        traded(DAYS[1], SAMSUNG, 1_000_000),
        traded(DAYS[1], HYNIX, 1_000_000),
    ]
    return Stakes.of(DAYS, trades)


def test_a_session_held_pays_commission_twice_and_the_tax_of_its_date() -> None:
    assert session_return(a_daily_bar(MONDAY, 100, 110)) == pytest.approx(1.1 * (1 - COMMISSION - TAX) - 1 - COMMISSION)
    assert session_return(a_daily_bar(date(2025, 12, 26), 100, 100)) == pytest.approx(-0.0015 - 2 * COMMISSION)


def test_intraday_puts_each_stake_into_its_own_stock() -> None:
    daily = {SAMSUNG: bars((100, 110), (100, 90), (100, 200)), HYNIX: bars((100, 100), (100, 120), (1, 1))}

    line = intraday(stakes(), daily)

    first = 2_000_000 * session_return(a_daily_bar(MONDAY, 100, 110))
    second = 1_000_000 * sum(session_return(a_daily_bar(MONDAY, 100, close)) for close in (90, 120))
    assert line is not None
    assert line.results == (round(first), round(first + second), round(first + second))
    assert (line.members, line.of) == (3, 3)


def test_a_stock_without_a_bar_earns_nothing_and_is_counted() -> None:
    line = intraday(stakes(), {SAMSUNG: bars((100, 100), (100, 100), (100, 100))})

    assert line is not None
    assert (line.members, line.of) == (2, 3)
    assert intraday(stakes(), {}) is None


def test_the_universe_shares_the_days_stake() -> None:
    daily = {SAMSUNG: bars((100, 110), (100, 100), (100, 100)), HYNIX: bars((100, 90), (100, 100), (100, 100))}

    line = universe(stakes(), {DAYS[0]: [SAMSUNG, HYNIX]}, daily)

    mean = (session_return(a_daily_bar(MONDAY, 100, 110)) + session_return(a_daily_bar(MONDAY, 100, 90))) / 2
    assert line is not None
    assert line.results == (round(2_000_000 * mean),) * 3


def test_holding_follows_splits_by_the_base_price() -> None:
    """A stock at 100 is split into ten: its base is 10, and 11 is a rise of a tenth."""
    split = [
        a_daily_bar(DAYS[0], 100, 100),
        a_daily_bar(DAYS[1], 10, 11, base=10),
        a_daily_bar(DAYS[2], 11, 11, base=11),
    ]

    line = held_through(stakes(), {SAMSUNG: split, HYNIX: split[:2]})

    average = 4_000_000 / 3
    assert line is not None
    assert (line.members, line.of) == (1, 2), "a stock without a bar of each session does not count"
    assert line.results == (
        round(-average * COMMISSION),
        round(average * (0.1 - COMMISSION)),
        round(average * (1.1 * (1 - COMMISSION - TAX) - 1 - COMMISSION)),
    )


def test_an_index_needs_both_ends_and_pays_nothing() -> None:
    levels = [(DAYS[0], 2_000.0), (DAYS[2], 2_100.0)]

    line = index_line("KOSPI", levels, stakes())

    assert line is not None
    assert line.results == (0, 0, round(4_000_000 / 3 * 0.05))
    assert index_line("KOSPI", levels[:1], stakes()) is None


def test_the_comparison_names_what_is_missing() -> None:
    trades = [traded(DAYS[0], SAMSUNG, 2_000_000)]
    daily = {SAMSUNG: bars((100, 110), (100, 90), (100, 200))}
    recorded = Recorded({DAYS[0]: RecordedDay(universe=[SAMSUNG])}, daily, {"KOSDAQ": [(DAYS[0], 1.0), (DAYS[2], 2.0)]})
    nets = list(zip(DAYS, map(Won, (5_000, 0, -1_000)), strict=True))

    found = comparison(nets, trades, Won(10_000_000), recorded)

    assert [line["key"] for line in found["lines"]] == ["strategy", "intraday", "universe", "hold", "KOSDAQ"]
    assert found["missing"] == ["KOSPI"]
    own = found["lines"][0]
    assert (own["results"], own["net_percent"], own["stake_bp"]) == ([5_000, 5_000, 4_000], 0.04, 20.0)
    assert all(len(line["results"]) == len(found["dates"]) for line in found["lines"])
    nothing = comparison(nets, trades, Won(10_000_000), Recorded())
    assert nothing["missing"] == ["KOSDAQ", "KOSPI", "hold", "intraday", "universe"]
