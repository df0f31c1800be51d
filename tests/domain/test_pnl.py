"""Realised PnL of a trade from its orders, and unrealised PnL of what is held."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import BANKIS_COMMISSION, Costs
from domain.day_costs import Brought, dated
from domain.errors import InvalidTransitionError
from domain.identity import PositionId
from domain.market import Market, Side
from domain.money import Price, Rate, Won
from domain.order import OrderRecord
from domain.pnl import Beside, closed_trade
from domain.position import ClosedTrade, ExitReason
from domain.session import SessionDate
from tests.support.builders import MONDAY, NOW, an_intent, an_open_position, an_order

FREE = Rate(0)
LATER = NOW + timedelta(minutes=20)
fills = st.lists(st.tuples(st.integers(0, 1_000), st.integers(1_000, 500_000)), min_size=1, max_size=6)


def bought(quantity: int = 10, price: int = 70_000, ordered: int | None = None) -> OrderRecord:
    return an_order(an_intent(quantity=ordered or quantity or 1), filled=quantity, price=price)


def sold(quantity: int = 10, price: int = 71_000, **intent: Any) -> OrderRecord:
    return an_order(an_intent(Side.SELL, quantity=quantity or 1, price=price, **intent), filled=quantity, price=price)


def trade_of(
    entry: list[OrderRecord],
    exits: list[OrderRecord],
    reason: ExitReason = ExitReason.TAKE_PROFIT,
    brought: Won | None = None,
    **position: Any,
) -> ClosedTrade:
    return closed_trade(an_open_position(**position), entry, exits, reason, LATER, BANKIS_COMMISSION, brought)


def test_a_round_trip_earns_gross_less_commission_and_tax() -> None:
    trade = trade_of([bought()], [sold()])

    assert (trade.entry_amount, trade.exit_amount) == (700_000, 710_000)
    assert trade.entry_costs == Costs(Won(90), Won(0))
    assert trade.exit_costs == Costs(Won(90), Won(355 + 1_065))
    assert trade.net_pnl == 10_000 - 90 - 90 - 1_420


def test_costs_are_cut_once_a_day_and_side_however_many_orders_there_were() -> None:
    trade = trade_of([bought()], [sold(3), sold(7)])

    assert trade.exit_costs == Costs(Won(90), Won(355 + 1_065))
    assert trade.exit_amount == 710_000


def test_a_second_trade_of_the_stock_pays_what_it_adds_to_the_days_costs() -> None:
    """700,000 won cost 90 won (98.3 exactly), 1,400,000 won 190 (196.7)."""
    first = an_order(an_intent(intent_id="run-0/1", position_id=PositionId("run-0/1")))

    trade = closed_trade(
        an_open_position(),
        [bought()],
        [sold()],
        ExitReason.TAKE_PROFIT,
        LATER,
        BANKIS_COMMISSION,
        beside=Beside([first, bought(), sold()]),
    )

    assert trade.entry_costs.commission == 100
    assert trade.exit_costs.commission == 90


def test_only_what_was_filled_of_an_entry_counts() -> None:
    trade = trade_of([bought(6, ordered=10)], [sold(6)], quantity=6)

    assert trade.quantity == 6
    assert trade.entry_amount == 420_000


def test_the_position_lends_its_story() -> None:
    position = an_open_position(market=Market.KOSDAQ, decision_price=Price(69_900))

    trade = closed_trade(position, [bought()], [sold()], ExitReason.OPERATOR, LATER, FREE)

    assert (trade.position_id, trade.symbol, trade.market) == (position.position_id, position.symbol, Market.KOSDAQ)
    assert (trade.opened_at, trade.closed_at) == (position.opened_at, LATER)
    assert (trade.exit_reason, trade.strategy) == (ExitReason.OPERATOR, position.strategy)
    assert trade.entry_decision_price == 69_900


def test_chasing_counts_as_slippage_against_the_first_decision() -> None:
    unfilled = sold(0, 71_000, decided_at=NOW)
    chased = sold(10, 70_500, decided_at=NOW + timedelta(seconds=3))

    trade = trade_of([bought()], [chased, unfilled])

    assert trade.exit_decision_price == 71_000
    assert trade.exit_slippage == 5_000


def test_a_carried_position_is_booked_on_the_day_it_is_sold() -> None:
    tuesday = SessionDate(date(2026, 11, 24))
    closed_at = NOW + timedelta(days=1)

    trade = closed_trade(
        an_open_position(), [bought()], [sold(session_date=tuesday)], ExitReason.DEADLINE, closed_at, FREE
    )

    assert trade.session_date == tuesday


def test_the_tax_is_that_of_each_orders_own_date() -> None:
    old = SessionDate(date(2025, 12, 26))
    new = SessionDate(date(2025, 12, 29))

    trade = trade_of([bought()], [sold(5, session_date=old), sold(5, session_date=new)])

    assert trade.exit_costs.tax == 532 + (177 + 532)


def test_an_entry_in_two_parts_is_rounded_once() -> None:
    """210,000 won cost 20 won (29.5 exactly), 490,000 won 60 (68.9), both together 90."""
    trade = trade_of([bought(3), bought(7)], [sold()])

    assert trade.entry_costs == Costs(Won(90))


def test_sales_of_ours_on_two_days_are_rounded_apart() -> None:
    tuesday = SessionDate(date(2026, 11, 24))

    trade = trade_of([bought()], [sold(3, 70_000), sold(7, 70_000, session_date=tuesday)])

    assert trade.exit_costs.commission == 20 + 60


def test_what_others_sold_costs_what_its_own_day_charges() -> None:
    """The tax rises between the two days, and each day's commission is rounded apart."""
    old, new = SessionDate(date(2025, 12, 26)), SessionDate(date(2025, 12, 29))
    beside = Beside(by_others=[Brought(old, Won(210_000))])
    closed_at = datetime.fromisoformat("2025-12-29T01:00:00+00:00")
    parts = ([bought()], [sold(7, 70_000, session_date=new)], ExitReason.FOREIGN_SALE, closed_at, BANKIS_COMMISSION)

    trade = closed_trade(an_open_position(), *parts, Won(210_000), beside)

    assert trade.exit_costs == Costs(Won(20 + 60), Won(315 + 245 + 735))


def test_what_others_sold_on_a_day_of_ours_is_rounded_with_ours() -> None:
    beside = Beside(by_others=[Brought(MONDAY, Won(210_000))])
    parts = ([bought()], [sold(7, 70_000)], ExitReason.FOREIGN_SALE, LATER, BANKIS_COMMISSION)

    trade = closed_trade(an_open_position(), *parts, Won(210_000), beside)

    assert trade.exit_costs.commission == 90


def test_known_days_beyond_what_others_brought_count_for_nothing() -> None:
    tuesday = SessionDate(date(2026, 11, 24))
    known = [Brought(tuesday, Won(490_000)), Brought(MONDAY, Won(210_000))]

    assert dated(Won(280_000), known, tuesday) == (Brought(MONDAY, Won(210_000)), Brought(tuesday, Won(70_000)))
    assert dated(Won(0), known, tuesday) == ()


def test_what_others_sold_of_an_earlier_position_has_paid_its_part_of_the_rounding() -> None:
    beside = Beside(earlier=[Brought(MONDAY, Won(210_000))])
    parts = ([bought()], list[OrderRecord](), ExitReason.FOREIGN_SALE, LATER, BANKIS_COMMISSION)

    trade = closed_trade(an_open_position(), *parts, Won(490_000), beside)

    assert trade.exit_costs.commission == 90 - 20


def test_shares_that_somebody_else_sold_are_booked_at_the_last_price() -> None:
    trade = trade_of([bought()], [], ExitReason.FOREIGN_SALE, last_price=Price(69_000))

    assert trade.exit_amount == 690_000
    assert trade.exit_decision_price == 69_000
    assert trade.exit_costs == Costs(Won(90), Won(345 + 1_035))


def test_shares_that_somebody_else_sold_are_booked_at_what_they_brought_where_that_is_known() -> None:
    trade = trade_of([bought()], [sold(4, 71_000)], ExitReason.FOREIGN_SALE, brought=Won(6 * 72_500))

    assert trade.exit_amount == 4 * 71_000 + 6 * 72_500


def test_a_sale_of_our_own_is_not_booked_twice_as_somebody_elses() -> None:
    trade = trade_of([bought()], [sold(10, 71_000)], ExitReason.FOREIGN_SALE, brought=Won(6 * 72_500))

    assert trade.exit_amount == 10 * 71_000


def test_a_foreign_sale_may_follow_a_part_of_our_own() -> None:
    trade = trade_of([bought()], [sold(4, 71_000)], ExitReason.FOREIGN_SALE, last_price=Price(69_000))

    assert trade.exit_amount == 4 * 71_000 + 6 * 69_000


def test_a_position_with_shares_left_cannot_close() -> None:
    with pytest.raises(InvalidTransitionError, match="9 of 10 shares sold"):
        trade_of([bought()], [sold(9)])


@pytest.mark.parametrize("reason", [ExitReason.STOP_LOSS, ExitReason.FOREIGN_SALE])
def test_more_than_was_bought_cannot_have_been_sold(reason: ExitReason) -> None:
    with pytest.raises(InvalidTransitionError, match="11 of 10 shares sold"):
        trade_of([bought()], [sold(11)], reason)


@given(entry=fills, exits=fills)
def test_the_pnl_of_the_parts_adds_up_to_the_pnl_of_the_whole(
    entry: list[tuple[int, int]], exits: list[tuple[int, int]]
) -> None:
    total = sum(quantity for quantity, _ in entry)
    first, *rest = exits
    parts = [*((min(quantity, total // len(exits)), price) for quantity, price in rest)]
    parts.append((total - sum(quantity for quantity, _ in parts), first[1]))
    entry_orders, exit_orders = [bought(*part) for part in entry], [sold(*part) for part in parts]

    trade = trade_of(entry_orders, exit_orders)

    spent = sum(quantity * price for quantity, price in entry)
    received = sum(quantity * price for quantity, price in parts)
    assert trade.gross_pnl == received - spent
    assert trade.net_pnl == received - spent - trade.costs.commission - trade.costs.tax
    assert trade.quantity == total


@given(entry=fills)
def test_the_sequence_of_the_orders_does_not_matter(entry: list[tuple[int, int]]) -> None:
    orders = [bought(*part) for part in entry]
    sale = sold(sum(quantity for quantity, _ in entry))

    assert trade_of(orders, [sale]) == trade_of(orders[::-1], [sale])


def test_the_date_is_that_of_seoul() -> None:
    closed_at = datetime.fromisoformat("2026-11-23T15:30:00+00:00")

    trade = closed_trade(an_open_position(), [bought()], [sold()], ExitReason.OPERATOR, closed_at, FREE)

    assert trade.session_date == date(2026, 11, 24)
