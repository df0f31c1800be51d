"""What a scan decided about each stock: candidates first, then the stocks that got through the most filters."""

from decimal import Decimal

from domain.market import Symbol
from domain.money import Quantity
from domain.scan_outcome import MOST_STOCKS, outcomes_of
from domain.screening import ScreenedStock
from domain.strategy import EntrySignal
from tests.domain.test_screening import AGE, RULES, stock_of
from tests.support.builders import NOW, a_quote, a_stock


def decided(*stocks: ScreenedStock, unreadable: tuple[Symbol, ...] = ()) -> list[tuple[str, str, str]]:
    """Return symbol, filter and detail of each stock that is kept."""
    found = outcomes_of(stocks, unreadable, RULES, NOW, AGE)
    return [(each.symbol, each.dropped_by, each.detail) for each in found]


def test_each_stock_has_the_filter_that_dropped_it_and_the_nearest_come_first() -> None:
    signal = EntrySignal("momentum", "1", Decimal("0.7"), "it rises")
    stocks = (
        a_stock(a_quote(symbol=Symbol("000001"), volume=Quantity(0))),
        stock_of("000002", locked=True),
        stock_of("000003", signal=signal),
        stock_of("000004"),
        stock_of("000005", refused_by="rising"),
        stock_of("000006", signal=EntrySignal("momentum", "1", Decimal("0.9"), "it rises more")),
    )

    assert decided(*stocks, unreadable=(Symbol("000007"),)) == [
        ("000006", "", "it rises more"),
        ("000003", "", "it rises"),
        ("000004", "no_signal", ""),
        ("000005", "custom", "rising"),
        ("000002", "locked", ""),
        ("000001", "thin_volume", ""),
        ("000007", "unreadable", ""),
    ]


def test_a_large_universe_keeps_a_bounded_number() -> None:
    many = [stock_of(f"{number:06}") for number in range(300)]
    assert len(outcomes_of(many, (), RULES, NOW, AGE)) == MOST_STOCKS
