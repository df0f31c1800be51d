"""Compiled screening and entry rules: every cell equals the pure functions, on random bars, rules and parameters."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import MarketView
from domain.money import Quantity
from domain.rule_changes import changed
from domain.rules import StrategyRules
from domain.screening import ScreenedStock, first_failed_filter
from lab.recording import RecordedSession
from lab.sweep.columns import Columns
from lab.sweep.entries import Entry, batches, entry_of, met
from strategies import KNOWN_STRATEGIES
from strategies.entry_rule import VALUES, EntryRule
from tests.lab.sweep_sessions import ROOM, RULES, a_scene, odd, recorded, trials

__all__ = ["odd", "recorded"]


def as_seen(view: MarketView) -> MarketView:
    """Return a view without what no rule reads: the shares of the best levels, and the index."""
    quote = replace(view.quote, bid_quantity=Quantity(0), ask_quantity=Quantity(0))
    return replace(view, quote=quote, index=None, no_index="")


@pytest.mark.parametrize("of", ["recorded", "odd"])
def test_every_cell_is_what_a_strategy_sees(of: str, request: pytest.FixtureRequest) -> None:
    session: RecordedSession = request.getfixturevalue(of)
    columns, scene = Columns(session), a_scene(session)

    for row, symbol in enumerate(columns.symbols):
        for minute in range(columns.minutes):
            assert as_seen(columns.view_at(row, minute)) == as_seen(scene.view(symbol, minute * 60)), (symbol, minute)
    bid, ask = columns.sides
    assert (bid == 0).any()
    assert (ask == 0).any()


def decided(columns: Columns, entries: list[Entry]) -> Iterator[tuple[Entry, int, int, bool | None]]:
    """Yield what is decided of each entry and cell; None where it is left to the pure functions."""
    for batch in batches(entries, columns.opens.size):
        cells = met(columns, [entries[place] for place in batch])
        for at, place in enumerate(batch):
            own = at if len(cells.possible) > 1 else 0
            for row in range(len(columns.stocks)):
                for minute in range(0, columns.minutes, 5):
                    possible, sure = bool(cells.possible[own, row, minute]), bool(cells.sure[own, row, minute])
                    assert possible or not sure
                    yield entries[place], row, minute, None if possible and not sure else sure


def is_bought(view: MarketView, entry: Entry) -> bool:
    stock = ScreenedStock(view, None, locked=False, cooling_down=False)
    age = RULES.execution.greatest_quote_age
    passes = first_failed_filter(stock, entry.screening, view.quote.observed_at, age) is None
    return passes and any(rule.met(view, parameters) is not None for rule, parameters in entry.rules)


def check(columns: Columns, entries: list[Entry], most_open: float = 0.1) -> int:
    """Compare all cells with the pure functions, and return how many are bought."""
    views: dict[tuple[int, int], MarketView] = {}
    bought = left = count = 0
    for entry, row, minute, found in decided(columns, entries):
        view = views.setdefault((row, minute), columns.view_at(row, minute))
        expected = is_bought(view, entry)
        assert found is None or found == expected, (columns.symbols[row], minute, entry)
        bought, left, count = bought + expected, left + (found is None), count + 1
    assert left <= most_open * count
    return bought


@pytest.mark.parametrize("of", ["recorded", "odd"])
@pytest.mark.parametrize("strategy", sorted(KNOWN_STRATEGIES))
def test_the_built_in_rules_decide_as_the_strategies_do(of: str, strategy: str, request: pytest.FixtureRequest) -> None:
    session: RecordedSession = request.getfixturevalue(of)
    columns, chance = Columns(session), random.Random(f"{of}{strategy}")
    values = {
        "volatility_breakout": {"factor": ("0", "0.3", "0.517", "1"), "greatest_chase": ("0.5%", "3%")},
        "momentum": {"window": ("1m", "10m", "630s", "30m"), "rise": ("0.1%", "0.3%"), "volume_ratio": ("0.5", "1.1")},
    }[strategy]
    entries = []
    for _ in range(6):
        texts = {f"strategy.{strategy}.{name}": chance.choice(each) for name, each in values.items()}
        texts |= {"screening.greatest_spread": chance.choice(("0.05%", "1%")), "screening.least_turnover": "100000000"}
        rules = replace(RULES, strategy=StrategyRules(names=(strategy,)))
        entry = entry_of(changed(rules, texts))
        assert entry is not None
        entries.append(entry)

    assert check(columns, entries)


class Numbers:
    """Parameters of the rules below."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


NAMES = (*VALUES, "a", "b")
numbers = st.decimals("-3", "3", places=3).map(str) | st.sampled_from(["0", "1", "2", "1000", "0.1", "12345.678"])
windows = st.sampled_from(
    [
        f"{name}({arg})"
        for name in ("window_return", "volume_pace", "opening_high", "opening_low")
        for arg in ("w", "90", "600")
    ]
)
expressions = st.recursive(
    numbers.map(lambda text: f"({text})") | st.sampled_from(NAMES) | windows,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
        | st.builds("{}({}, {})".format, st.sampled_from(["change", "max", "min"]), inner, inner)
        | st.builds("abs({})".format, inner)
    ),
    max_leaves=5,
)
comparisons = st.builds("{} {} {}".format, expressions, st.sampled_from(["<", "<=", ">", ">="]), expressions)


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(comparisons, min_size=1, max_size=3), value=expressions, seed=st.integers(0, 10**6))
def test_any_rule_decides_every_cell_as_it_does_on_the_view(
    odd: RecordedSession, lines: list[str], value: str, seed: int
) -> None:
    chance, columns = random.Random(seed), Columns(odd)
    rule = EntryRule(f"named = {value}", *lines, "named < price * 2")
    sets = [
        Numbers(a=Decimal(chance.randrange(-200, 200)) / 100, b=chance.choice((0, 1, 7)), w=chance.choice(WINDOWS))
        for _ in range(3)
    ]
    entries = [Entry(ROOM, ((rule, each),)) for each in sets]
    cells = {(chance.randrange(len(columns.stocks)), chance.randrange(columns.minutes)) for _ in range(25)}
    views = {cell: columns.view_at(*cell) for cell in cells}
    for batch in batches(entries, columns.opens.size):
        found = met(columns, [entries[place] for place in batch])
        for at, place in enumerate(batch):
            own = at if len(found.possible) > 1 else 0
            for cell, view in views.items():
                expected = is_bought(view, entries[place])
                assert found.possible[own][cell] or not expected, (cell, sets[place].__dict__)
                assert expected or not found.sure[own][cell], (cell, sets[place].__dict__)


WINDOWS = (timedelta(minutes=5), timedelta(seconds=48), timedelta(0), timedelta(minutes=31))


@pytest.mark.parametrize(
    "line",
    [
        "change(price, base * 0) <= 0",
        "change(price, base - base) < 0",
        "price / (base - base) < 1",
        "(price - open) / (price - open) >= 1",
        "change(price, open * 0.1 - price * 0.1) < 1",
        "volume_pace(600) > 1",
        "window_return(600) <= 0",
        "opening_high(150) < price",
        "opening_low(9000) >= low",
        "max(ask, bid, 5) > price",
        "min(0.5, -a) < abs(-b)",
    ],
)
def test_a_line_decides_every_cell_as_it_does_on_the_view(odd: RecordedSession, line: str) -> None:
    columns, parameters = Columns(odd), [Numbers(a=Decimal("0.5"), b=2), Numbers(a=Decimal("-0.5"), b=0)]
    entries = [Entry(ROOM, ((EntryRule(line), each),)) for each in parameters]

    check(columns, entries, most_open=1.0)


def test_a_comparison_that_rounding_leaves_open_is_left_to_the_pure_functions(recorded: RecordedSession) -> None:
    columns = Columns(recorded)
    third = Entry(ROOM, ((EntryRule("price * 0.1 >= price / 10"), None),))
    exact = Entry(ROOM, ((EntryRule("price >= price"), None),))

    left, sure = met(columns, [third]), met(columns, [exact])

    assert (left.possible & ~left.sure).any()
    assert (sure.possible == sure.sure).all()
    assert (left.possible == sure.possible).all()


def test_a_batch_differs_in_numbers_only(recorded: RecordedSession) -> None:
    varied = [entry for each in trials().compiled if (entry := each) is not None]

    for batch in batches(varied, Columns(recorded).opens.size):
        first = varied[batch[0]]
        for place in batch:
            assert varied[place].screening == first.screening
            assert [rule for rule, _ in varied[place].rules] == [rule for rule, _ in first.rules]
    assert sorted(place for batch in batches(varied, 1) for place in batch) == list(range(len(varied)))
    assert max(map(len, batches(varied, 10**9))) == 1
