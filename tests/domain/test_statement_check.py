"""Every difference between the broker's statement and our books has a name, or is unexplained."""

from dataclasses import replace

import pytest

from domain.costs import BANKIS_COMMISSION, Costs
from domain.identity import PositionId
from domain.market import Market, Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder, OrderRecord
from domain.position import ClosedTrade, ExitReason
from domain.session import SessionDate
from domain.statement import WHOLE_ACCOUNT, BookedDay, Figure, Held, Line, Stated, StatedStock, line_in_words
from domain.statement_check import compared
from tests.support.builders import (
    HYNIX,
    MONDAY,
    POSITION,
    SAMSUNG,
    a_broker_order,
    a_closed_trade,
    a_ref,
    an_intent,
    an_order,
)

BOUGHT = an_order(an_intent(Side.BUY, 10))
SOLD = an_order(an_intent(Side.SELL, 10, intent_id="run-1/2"), price=71_000)
TRADE = a_closed_trade(entry_costs=Costs(Won(90)), exit_costs=Costs(Won(90), Won(1_420)))
"""700,000 → 710,000 won; 0.0140527 % of each is 90 won, cut to ten; 0.20 % of the sale 1,420: net 8,400."""
HELD = Held(POSITION, SAMSUNG, Market.KOSPI, MONDAY, Quantity(10), Won(700_000))
STOCK = StatedStock(Won(700_000), Won(710_000), Won(180), Won(1_420), Won(8_400), Won(0), Quantity(10), Quantity(10))
DAY = BookedDay(MONDAY, (BOUGHT, SOLD), (TRADE,), (HELD,), (), {}, BANKIS_COMMISSION)


def lines(booked: BookedDay = DAY, stock: StatedStock = STOCK, day: StatedStock | None = None) -> dict[str, Line]:
    """Compare one stock; the whole account's lines have no symbol before their figure."""
    found = compared(booked, Stated({SAMSUNG: stock}, day or stock, today=(day or stock).realised))
    return {f"{line.symbol} {line.figure}".strip(): line for line in found}


def of(figure: Figure, **given: object) -> tuple[dict[str, Won], Won]:
    found = lines(**given)[f"{SAMSUNG} {figure}"]  # type: ignore[arg-type]
    return found.named, found.unexplained


def by_hand(side: Side, shares: int, price: int, number: int = 9) -> BrokerOrder:
    amount = Won(shares * price)
    return a_broker_order(side, shares, None, filled=shares, filled_amount=amount, ref=a_ref(number))


def test_a_day_of_our_own_trades_is_the_same_in_both_books() -> None:
    found = lines()

    assert {name: (line.ledger, line.difference) for name, line in found.items()} == {
        "005930 bought": (700_000, 0),
        "005930 sold": (710_000, 0),
        "005930 commission": (180, 0),
        "005930 tax": (1_420, 0),
        "005930 realised": (8_400, 0),
        "bought": (700_000, 0),
        "sold": (710_000, 0),
        "commission": (180, 0),
        "tax": (1_420, 0),
        "realised": (8_400, 0),
        "realised_today": (8_400, 0),
    }


@pytest.mark.parametrize(
    ("figure", "stock", "named", "unexplained"),
    [
        (Figure.BOUGHT, replace(STOCK, bought=Won(700_001)), {}, 1),
        (Figure.SOLD, replace(STOCK, sold=Won(709_999)), {}, -1),
        (Figure.COMMISSION, replace(STOCK, commission=Won(197)), {"rounding": 17}, 0),
        (Figure.COMMISSION, replace(STOCK, commission=Won(202)), {"commission_rate": 22}, 0),
        (Figure.COMMISSION, replace(STOCK, commission=Won(203)), {}, 23),
        (Figure.TAX, replace(STOCK, tax=Won(1_418)), {"rounding": -2}, 0),
        (Figure.TAX, replace(STOCK, tax=Won(1_423)), {}, 3),
        (Figure.REALISED, replace(STOCK, realised=Won(8_380)), {"rounding": -20}, 0),
        (Figure.REALISED, replace(STOCK, realised=Won(8_300)), {}, -100),
        (Figure.REALISED, replace(STOCK, realised=Won(10_000)), {"costs_left_out": 1_600}, 0),
        (Figure.REALISED, replace(STOCK, realised=Won(8_350), interest=Won(50)), {"interest": -50}, 0),
    ],
)
def test_a_difference_has_a_name_or_none(
    figure: Figure, stock: StatedStock, named: dict[str, int], unexplained: int
) -> None:
    assert of(figure, stock=stock) == (named, unexplained)


def test_what_the_owner_traded_within_the_day_is_named_in_every_figure() -> None:
    """4 shares bought at 70,000 and sold at 69,000: 40 and 40 won more commission, 552 won tax, a loss of 4,632."""
    booked = replace(DAY, foreign=(by_hand(Side.BUY, 4, 70_000), by_hand(Side.SELL, 4, 69_000)))
    stock = StatedStock(
        Won(980_000), Won(986_000), Won(260), Won(1_972), Won(3_768), Won(0), Quantity(14), Quantity(14)
    )

    found = {figure: of(figure, booked=booked, stock=stock) for figure in Figure if figure is not Figure.REALISED_TODAY}

    rounded = replace(stock, commission=Won(276))
    assert of(Figure.COMMISSION, booked=booked, stock=rounded) == ({"foreign_trades": 80, "rounding": 16}, 0)
    assert found == {
        Figure.BOUGHT: ({"foreign_trades": 280_000}, 0),
        Figure.SOLD: ({"foreign_trades": 276_000}, 0),
        Figure.COMMISSION: ({"foreign_trades": 80}, 0),
        Figure.TAX: ({"foreign_trades": 552}, 0),
        Figure.REALISED: ({"foreign_trades": -4_632}, 0),
    }


def test_the_owners_sale_of_our_shares_is_in_our_trade_already() -> None:
    taken = replace(TRADE, exit_reason=ExitReason.FOREIGN_SALE)
    booked = replace(DAY, orders=(BOUGHT,), trades=(taken,), foreign=(by_hand(Side.SELL, 10, 71_000),))

    assert of(Figure.REALISED, booked=booked) == ({}, 0)
    assert of(Figure.SOLD, booked=booked) == ({"foreign_trades": 710_000}, 0)


def test_a_trade_that_is_missing_among_hand_trades_has_no_name() -> None:
    booked = replace(DAY, trades=(), foreign=(by_hand(Side.BUY, 4, 70_000), by_hand(Side.SELL, 4, 69_000)))
    stock = replace(STOCK, realised=Won(3_768), bought_quantity=Quantity(14), sold_quantity=Quantity(14))

    assert of(Figure.REALISED, booked=booked, stock=stock) == ({"foreign_trades": -4_632}, 8_400)


def carried(orders: tuple[OrderRecord, ...], trades: tuple[ClosedTrade, ...]) -> BookedDay:
    yesterday = SessionDate(MONDAY.replace(day=20))
    return replace(DAY, orders=orders, trades=trades, positions=(replace(HELD, opened_on=yesterday),))


def test_a_position_of_an_earlier_day_counts_its_purchases_costs_there() -> None:
    """Our trade has both commissions, the broker's day only the sale's: 90 won more."""
    stock = replace(STOCK, bought=Won(0), commission=Won(90), realised=Won(8_490), bought_quantity=Quantity(0))

    assert of(Figure.REALISED, booked=carried((SOLD,), (TRADE,)), stock=stock) == ({"carried": 90}, 0)


def test_shares_held_over_night_have_cost_their_commission_already() -> None:
    booked = replace(DAY, orders=(BOUGHT,), trades=())
    stock = StatedStock(Won(700_000), Won(0), Won(90), Won(0), Won(-90), Won(0), Quantity(10), Quantity(0))

    assert of(Figure.REALISED, booked=booked, stock=stock) == ({"carried": -90}, 0)


def test_an_average_cost_with_the_owners_shares_is_the_brokers_secret_and_said_so() -> None:
    booked = replace(DAY, owned_before={SAMSUNG: Quantity(5)})

    assert of(Figure.REALISED, booked=booked, stock=replace(STOCK, realised=Won(-7_000))) == (
        {"owners_cost": -15_400},
        0,
    )


def test_a_stock_that_only_one_book_knows_is_compared_with_nothing() -> None:
    found = compared(DAY, Stated({HYNIX: replace(STOCK)}, STOCK))

    unexplained = {(line.symbol, line.figure): line.unexplained for line in found if line.symbol}
    assert unexplained[SAMSUNG, Figure.BOUGHT] == -700_000
    assert unexplained[HYNIX, Figure.BOUGHT] == 700_000


def test_the_account_is_unexplained_only_where_the_statement_contradicts_itself() -> None:
    wrong = replace(STOCK, tax=Won(1_500))

    consistent, torn = lines(stock=wrong)["tax"], lines(stock=wrong, day=STOCK)["tax"]

    assert (consistent.named, consistent.unexplained) == ({"unexplained_stocks": 80}, 0)
    assert torn.unexplained == -80


def test_a_line_in_words() -> None:
    line = Line(WHOLE_ACCOUNT, Figure.REALISED, Won(100), Won(70), {"foreign_trades": Won(-20)})

    assert line_in_words(line) == ("account realised: ledger 100, broker 70 (-20 foreign trades, -10 UNEXPLAINED)")


def test_positions_of_other_stocks_do_not_count() -> None:
    other = replace(HELD, position_id=PositionId("other"), symbol=HYNIX, opened_on=SessionDate(MONDAY.replace(day=20)))

    assert of(Figure.REALISED, booked=replace(DAY, positions=(HELD, other))) == ({}, 0)


def test_the_whole_account_adds_up_what_is_named_of_each_stock() -> None:
    foreign = (by_hand(Side.BUY, 4, 70_000), replace(by_hand(Side.BUY, 2, 100_000, number=8), symbol=HYNIX))
    booked = replace(DAY, foreign=foreign)
    stated = {SAMSUNG: replace(STOCK, bought=Won(980_000)), HYNIX: replace(STOCK, bought=Won(200_001))}

    found = compared(booked, Stated(stated, replace(STOCK, bought=Won(1_180_001))))

    (line,) = [each for each in found if (each.symbol, each.figure) == (WHOLE_ACCOUNT, Figure.BOUGHT)]
    assert line.named == {"foreign_trades": 480_000, "unexplained_stocks": 1}
    assert (line.ledger, line.broker, line.unexplained) == (700_000, 1_180_001, 0)
