"""From quotes to candidates: each filter rejects, the first in order is named, the best score comes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Symbol, TradingFlag
from domain.money import Price, Quantity, Won
from domain.rules import ScreeningRules
from domain.screening import (
    FILTERS,
    MOST_CANDIDATES,
    Candidate,
    ScanReport,
    ScreenedStock,
    ScreeningFilter,
    first_failed_filter,
    select_candidates,
)
from domain.strategy import EntrySignal, strongest
from tests.support.builders import NOW, SAMSUNG, a_quote, a_status, a_stock, a_view, some_samples

AGE = timedelta(seconds=5)
RULES = ScreeningRules()
FAILURES: dict[ScreeningFilter, dict[str, Any]] = {
    ScreeningFilter.BAD_QUOTE: {"observed_at": NOW - timedelta(seconds=6)},
    ScreeningFilter.PRICE_RANGE: {"price": 999, "previous_close": Price(990), "limits": None},
    ScreeningFilter.THIN_VOLUME: {"volume": Quantity(RULES.least_volume - 1)},
    ScreeningFilter.THIN_TURNOVER: {"turnover": Won(RULES.least_turnover - 1)},
    ScreeningFilter.WIDE_SPREAD: {"ask": Price(70_800)},
    ScreeningFilter.RUN_UP: {"previous_close": Price(55_900)},
}
STATES: dict[ScreeningFilter, dict[str, Any]] = {
    ScreeningFilter.TRADING_FLAG: {"status": a_status(TradingFlag.VOLATILITY_INTERRUPTION)},
    ScreeningFilter.LOCKED: {"locked": True},
    ScreeningFilter.COOLDOWN: {"cooling_down": True},
    ScreeningFilter.CUSTOM: {"refused_by": "rising"},
    ScreeningFilter.STRATEGY_FAILED: {"code_failed": True},
}


@dataclass(frozen=True)
class Liking:
    """Strategy with a fixed table of scores."""

    confidences: dict[Symbol, str]
    name: str = "liking"

    def of(self, stock: ScreenedStock) -> EntrySignal | None:
        confidence = self.confidences.get(stock.view.quote.symbol)
        return None if confidence is None else EntrySignal(self.name, "1", Decimal(confidence), "liked")


def first_failure(stock: ScreenedStock) -> ScreeningFilter | None:
    return first_failed_filter(stock, RULES, NOW, AGE)


def stock_of(symbol: str, **changes: Any) -> ScreenedStock:
    return a_stock(a_quote(symbol=Symbol(symbol)), **changes)


def scan(stocks: Sequence[ScreenedStock], *likings: Liking) -> ScanReport:
    judged = [
        replace(stock, signal=reduce(strongest, [liking.of(stock) for liking in likings], None)) for stock in stocks
    ]
    return select_candidates(judged, RULES, NOW, AGE)


def test_a_liquid_quiet_stock_passes_every_filter() -> None:
    assert first_failure(a_stock()) is None


@pytest.mark.parametrize("name", list(FAILURES))
def test_every_filter_on_the_quote_drops(name: ScreeningFilter) -> None:
    assert first_failure(a_stock(a_quote(**FAILURES[name]))) is name


@pytest.mark.parametrize("name", list(STATES))
def test_every_filter_on_the_stock_drops(name: ScreeningFilter) -> None:
    assert first_failure(a_stock(**STATES[name])) is name


@pytest.mark.parametrize("flag", list(TradingFlag))
def test_no_flag_is_tolerated(flag: TradingFlag) -> None:
    assert first_failure(a_stock(status=a_status(flag))) is ScreeningFilter.TRADING_FLAG


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_book_with_an_empty_side_is_too_wide(side: str) -> None:
    assert first_failure(a_stock(a_quote(**{side: Price(0)}))) is ScreeningFilter.WIDE_SPREAD


@pytest.mark.parametrize("price", [RULES.least_price, RULES.greatest_price])
def test_the_ends_of_the_price_range_are_inside(price: int) -> None:
    assert first_failure(a_stock(a_quote(price))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": RULES.least_volume},
        {"turnover": RULES.least_turnover},
        {"bid": Price(70_000), "ask": Price(70_700)},
        {"previous_close": Price(56_000)},
    ],
    ids=["volume", "turnover", "spread", "change"],
)
def test_a_stock_exactly_at_a_limit_is_kept(changes: dict[str, Any]) -> None:
    assert first_failure(a_stock(a_quote(70_000, **changes))) is None


def test_every_filter_has_its_place_in_the_order() -> None:
    others = {ScreeningFilter.UNREADABLE, ScreeningFilter.NO_SIGNAL}
    assert [name for name, _ in FILTERS] == [name for name in ScreeningFilter if name not in others]


def test_a_stock_that_fails_everywhere_is_dropped_by_the_first_filter() -> None:
    stale = a_quote(**FAILURES[ScreeningFilter.BAD_QUOTE])

    assert first_failure(a_stock(stale, locked=True, status=None)) is ScreeningFilter.BAD_QUOTE


def test_a_status_that_was_never_asked_for_drops_nothing_yet() -> None:
    assert first_failure(a_stock(status=None)) is None
    assert first_failure(a_stock(status=None, locked=True)) is ScreeningFilter.LOCKED


def test_a_stock_that_one_strategy_failed_on_is_bought_by_another() -> None:
    report = scan([a_stock(code_failed=True)], Liking({SAMSUNG: "0.5"}))

    assert [candidate.symbol for candidate in report.candidates] == [SAMSUNG]


def test_a_candidate_says_since_when_its_price_was_followed() -> None:
    stock = a_stock(view=a_view(recent=some_samples([70_000, 70_100])))

    (candidate,) = scan([stock], Liking({SAMSUNG: "0.5"})).candidates

    assert candidate.known_since == NOW - timedelta(minutes=1)


def test_candidates_come_best_first_and_ties_by_symbol() -> None:
    liking = Liking({Symbol("000030"): "0.5", Symbol("000010"): "0.9", Symbol("000020"): "0.5"})

    report = scan([stock_of("000030"), stock_of("000020"), stock_of("000010")], liking)

    assert [candidate.symbol for candidate in report.candidates] == ["000010", "000020", "000030"]
    assert report.looked_at == 3
    assert report.dropped == {}


def test_a_candidate_names_who_likes_it_and_why() -> None:
    report = scan([a_stock()], Liking({SAMSUNG: "0.7"}))

    assert report.candidates == (
        Candidate(SAMSUNG, "Samsung Electronics", Price(70_000), Decimal("0.7"), "liking", "1", "liked"),
    )


def test_the_most_confident_strategy_speaks_for_a_stock() -> None:
    report = scan([a_stock()], Liking({SAMSUNG: "0.4"}, "timid"), Liking({SAMSUNG: "0.6"}, "bold"), Liking({}, "mute"))

    assert [candidate.strategy for candidate in report.candidates] == ["bold"]


def test_what_each_filter_dropped_is_counted() -> None:
    stocks = [
        stock_of("000010", locked=True),
        stock_of("000020", locked=True),
        stock_of("000030", refused_by="rising"),
        stock_of("000031", refused_by="rising"),
        stock_of("000032", refused_by="falling"),
        stock_of("000040"),
        stock_of("000050"),
    ]

    report = scan(stocks, Liking({Symbol("000050"): "0.5"}))

    assert report.dropped == {"locked": 2, "custom": 3, "no_signal": 1}
    assert report.dropped_by_custom == {"rising": 2, "falling": 1}
    assert len(report.candidates) == 1


def test_a_dropped_stock_is_no_candidate_whatever_a_strategy_says() -> None:
    report = scan([a_stock(locked=True)], Liking({SAMSUNG: "1"}))

    assert report.candidates == ()


@given(st.dictionaries(st.from_regex(r"[0-9]{6}", fullmatch=True).map(Symbol), st.integers(1, 5), max_size=25))
def test_a_report_accounts_for_every_stock_and_keeps_the_ten_best(scores: dict[Symbol, int]) -> None:
    confidences = {symbol: str(Decimal(score) / 5) for symbol, score in scores.items() if score > 1}

    report = scan([stock_of(symbol) for symbol in scores], Liking(confidences))

    kept = [(-candidate.score, candidate.symbol) for candidate in report.candidates]
    everything = sorted((-Decimal(confidence), symbol) for symbol, confidence in confidences.items())
    assert kept == everything[:MOST_CANDIDATES]
    assert sum(report.dropped.values()) + len(confidences) == report.looked_at


def test_a_spread_that_the_quote_cannot_show_is_not_held_against_the_stock() -> None:
    blind = a_stock(a_quote(bid=Price(0), ask=Price(0), shows_book=False))
    empty = a_stock(a_quote(bid=Price(0), ask=Price(0)))

    assert first_failed_filter(blind, RULES, NOW, AGE) is None
    assert first_failed_filter(empty, RULES, NOW, AGE) is ScreeningFilter.WIDE_SPREAD
