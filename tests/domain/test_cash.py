"""Effects of fills on cash, and how much of a difference they explain."""

import pytest

from domain.cash import CashBaseline, CashMoved, cash_moved, compared
from domain.costs import BANKIS_COMMISSION, COMMISSION_STEP, cost_rates, day_costs
from domain.market import Market, Side
from domain.money import NO_WON, Won
from domain.order import OrderStatus
from tests.support.builders import HYNIX, MONDAY, NOW, POSITION, a_broker_order, a_ref, an_intent, an_order

RATES = cost_rates(MONDAY)
AMOUNT = Won(700_000)
BOUGHT = an_order()
BASELINE = CashBaseline(Won(10_000_000), CashMoved(), NOW)


def test_a_buy_takes_its_amount_and_commission_and_a_sale_brings_it_less_tax() -> None:
    sold = an_order(an_intent(Side.SELL))
    markets = {POSITION: Market.KOSDAQ}

    moved = cash_moved([BOUGHT, sold], markets, [], BANKIS_COMMISSION)

    buying = day_costs(Side.BUY, AMOUNT, Market.KOSDAQ, RATES).total
    selling = day_costs(Side.SELL, AMOUNT, Market.KOSDAQ, RATES).total
    assert moved.own == -buying - selling
    assert moved.others == 0
    assert selling > buying > 0


def test_an_order_that_filled_nothing_moves_and_excuses_nothing() -> None:
    idle = an_order(filled=0, status=OrderStatus.CANCELLED)

    assert cash_moved([idle], {}, [a_broker_order(symbol=HYNIX)], BANKIS_COMMISSION) == CashMoved()


def test_what_orders_of_others_brought_explains_a_difference() -> None:
    foreign = a_broker_order(ref=a_ref(9), symbol=HYNIX, filled=10)
    moved = cash_moved([], {}, [foreign], BANKIS_COMMISSION)

    seen = compared(BASELINE, moved, Won(BASELINE.cash + moved.others))

    assert moved.others == -AMOUNT - day_costs(Side.BUY, AMOUNT, Market.KOSPI, RATES).total
    assert (seen.difference, seen.unexplained) == (moved.others, 0)


@pytest.mark.parametrize(("off", "unexplained"), [(0, 0), (11, 0), (-11, 0), (12, 12), (-12, -12), (-2_000, -2_000)])
def test_only_more_than_the_brokers_rounding_is_unexplained(off: int, unexplained: int) -> None:
    moved = cash_moved([BOUGHT], {}, [], BANKIS_COMMISSION)

    seen = compared(BASELINE, moved, Won(BASELINE.cash + moved.own + off))

    assert moved.doubt == COMMISSION_STEP + 1  # a won for the commission rate of 700,000 won
    assert (seen.difference, seen.unexplained) == (off, unexplained)


def test_without_any_fill_since_the_baseline_a_single_won_counts() -> None:
    moved = cash_moved([BOUGHT], {}, [], BANKIS_COMMISSION)
    baseline = CashBaseline(Won(5_000_000), moved, NOW)

    assert compared(baseline, moved, Won(5_000_000)).unexplained == NO_WON
    assert compared(baseline, moved, Won(5_000_001)).unexplained == 1


def test_many_orders_of_a_stock_and_side_share_one_rounding() -> None:
    one_share = [an_order(an_intent(quantity=1, intent_id=f"run-1/{n}"), price=61_510, filled=1) for n in range(100)]

    moved = cash_moved(one_share, {}, [], BANKIS_COMMISSION)

    amount = Won(100 * 61_510)
    assert moved.own == -amount - day_costs(Side.BUY, amount, Market.KOSPI, RATES).total
    assert moved.doubt == COMMISSION_STEP + 12


def test_the_owners_purchase_of_the_same_stock_adds_only_what_the_common_cut_leaves() -> None:
    ours = an_order(an_intent(quantity=1), price=70_000, filled=1)
    theirs = a_broker_order(quantity=1, ref=a_ref(9), filled=1, filled_amount=Won(3_000))

    moved = cash_moved([ours], {}, [theirs], BANKIS_COMMISSION)

    together = day_costs(Side.BUY, Won(73_000), Market.KOSPI, RATES)
    assert (together.total, moved.own, moved.others) == (10, -70_000, -3_010)


def test_a_stock_that_was_traded_before_the_baseline_may_still_be_rounded_otherwise() -> None:
    """The broker may cut a single won a day: 70,000 won then cost 9 more, and 140,000 won the same nine."""
    early = [an_order(an_intent(quantity=1), price=70_000, filled=1)]
    late = [*early, an_order(an_intent(quantity=1, intent_id="run-1/2"), price=70_000, filled=1)]
    baseline = CashBaseline(Won(5_000_000), cash_moved(early, {}, [], BANKIS_COMMISSION), NOW)

    seen = compared(baseline, cash_moved(late, {}, [], BANKIS_COMMISSION), Won(5_000_000 - 70_000 - 9))

    assert seen.unexplained == 0


def test_a_part_filled_counts_as_far_as_it_filled() -> None:
    half = an_order(filled=5, status=OrderStatus.CANCELLED)

    moved = cash_moved([half], {}, [], BANKIS_COMMISSION)

    amount = Won(5 * 70_000)
    assert moved.own == -amount - day_costs(Side.BUY, amount, Market.KOSPI, RATES).total
