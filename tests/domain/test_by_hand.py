"""The owner's own orders beside ours: the owner's shares are sold first, and later purchases do not offset a sale."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.by_hand import averaged, hand_trades
from domain.day_costs import Brought
from domain.market import Side
from domain.money import Won
from domain.order import BrokerOrder, BrokerOrderRef
from domain.session import SessionDate, session_date_of
from tests.support.builders import MONDAY, NOW, a_broker_order

TUESDAY = SessionDate(MONDAY + timedelta(days=1))


def row(number: int, side: Side, filled: int, price: int = 1_000, **later: int) -> BrokerOrder:
    ordered_at = NOW + timedelta(**later)
    ref = BrokerOrderRef(session_date_of(ordered_at), "06010", f"{number:010}")
    return a_broker_order(side, filled, price, filled, ref=ref, ordered_at=ordered_at)


def on_monday(won: int) -> tuple[Brought, ...]:
    return (Brought(MONDAY, Won(won)),)


@pytest.mark.parametrize(
    ("before", "signed", "owns", "taken"),
    [
        (0, [], 0, 0),
        (0, [-4], 0, 4),
        (0, [-4, +7], 7, 4),
        (0, [+7, -4], 3, 0),
        (0, [+7, -8], 0, 1),
        (4, [-4, +7], 7, 0),
        (3, [-4, +7, -6, -2], 0, 2),
        (10, [-4], 6, 0),
    ],
)
def test_the_owner_sells_what_is_his_first_and_then_what_is_ours(
    before: int, signed: list[int], owns: int, taken: int
) -> None:
    rows = [row(number, Side.BUY if each > 0 else Side.SELL, abs(each)) for number, each in enumerate(signed)]

    apart = hand_trades(reversed(rows), before, NOW)

    assert (apart.owns, apart.taken) == (owns, taken)


def test_what_is_sold_before_we_hold_any_is_none_of_ours() -> None:
    early, late = row(1, Side.SELL, 3, minutes=-1), row(2, Side.SELL, 2)

    assert hand_trades([early, late], 0, NOW + timedelta(milliseconds=900)).taken == 2


def test_each_share_is_worth_what_its_own_sale_brought() -> None:
    apart = hand_trades([row(1, Side.BUY, 2), row(2, Side.SELL, 5, 1_000), row(3, Side.SELL, 4, 1_200)], 0, NOW)

    assert apart.brought_by(7, after=0) == on_monday(3 * 1_000 + 4 * 1_200)
    assert apart.brought_by(2, after=3) == on_monday(2 * 1_200)
    assert apart.brought_by(2, after=2) == on_monday(1_000 + 1_200)
    assert apart.brought_by(8, after=0) is None
    assert apart.brought_by(1, after=6) == on_monday(1_200)
    assert apart.brought_by(0, after=0) == ()


def test_a_part_of_a_sale_is_worth_whole_won() -> None:
    apart = hand_trades([replace(row(1, Side.SELL, 3), filled_amount=Won(1_000))], 0, NOW)

    assert [apart.brought_by(1, after=done) for done in range(3)] == [*map(on_monday, (333, 333, 334))]
    (brought,) = apart.brought_by(1, after=0) or ()
    assert isinstance(brought.won, int)


def test_each_share_was_sold_on_the_day_of_its_own_sale() -> None:
    apart = hand_trades([row(1, Side.SELL, 2, 1_000), row(2, Side.SELL, 3, 1_200, days=1)], 0, NOW)

    assert apart.brought_by(4, after=1) == (*on_monday(1_000), Brought(TUESDAY, Won(3_600)))


def test_shares_of_no_single_sale_bring_the_average_on_the_days_of_all() -> None:
    sales = [row(1, Side.SELL, 1, 1_000), row(2, Side.SELL, 2, 1_100, days=1)]

    assert averaged(sales, 2) == (*on_monday(666), Brought(TUESDAY, Won(1_467)))
    assert averaged(sales, 3) == (*on_monday(1_000), Brought(TUESDAY, Won(2_200)))
