"""Slippage in ticks, time in the market, and the price range of a trade while it was held."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.excursion import Excursion, PriceRange, entry_slippage_ticks, excursion, exit_slippage_ticks
from domain.handling import Handling, grouped, handling
from domain.identity import PositionId
from domain.money import Price, Won
from domain.position import ExitReason
from tests.support.builders import HYNIX, NOW, SAMSUNG, a_closed_trade


@pytest.mark.parametrize(
    ("paid", "decided", "ticks"),
    [
        (70_200, 70_000, "2.00"),
        (69_950, 70_000, "-0.50"),
        (1_003, 1_000, "3.00"),
        (200_250, 200_000, "0.50"),
        (2_010, 1_998, "4.00"),
        (49_900, 50_000, "-2.00"),
    ],
)
def test_entry_slippage_counts_each_tick_as_large_as_it_is_at_its_price(paid: int, decided: int, ticks: str) -> None:
    trade = a_closed_trade(bought_at=paid, entry_decision_price=Price(decided))

    assert entry_slippage_ticks(trade) == Decimal(ticks)


def test_exit_slippage_is_positive_where_a_sale_brought_less() -> None:
    assert exit_slippage_ticks(a_closed_trade(sold_at=70_700, exit_decision_price=Price(71_000))) == 3
    assert exit_slippage_ticks(a_closed_trade(sold_at=71_100, exit_decision_price=Price(71_000))) == -1
    assert exit_slippage_ticks(a_closed_trade(sold_at=1_990, exit_decision_price=Price(2_000))) == 10


def test_what_somebody_else_sold_for_is_no_slippage_and_no_excursion_of_ours() -> None:
    given_away = a_closed_trade(
        70_000, 0, position_id=PositionId("a"), exit_decision_price=Price(71_000), exit_reason=ExitReason.FOREIGN_SALE
    )
    ours = a_closed_trade(70_000, 70_900, position_id=PositionId("b"), exit_decision_price=Price(71_000))

    measured = handling([given_away, ours], {PositionId("a"): PriceRange(Price(69_500), Price(71_000))})

    assert measured.slippage == 1_000
    assert measured.exit_ticks == 1
    assert measured.greatest_adverse == 5_000
    assert handling([given_away], {}).exit_ticks is None


def test_an_excursion_is_the_worst_and_the_best_that_the_whole_trade_stood_at() -> None:
    trade = a_closed_trade(70_000, 71_000, quantity=10)

    assert excursion(trade, PriceRange(Price(69_300), Price(71_500))) == Excursion(Won(7_000), Won(15_000))


def test_what_the_exit_got_counts_as_seen() -> None:
    loss = a_closed_trade(70_000, 68_000, quantity=10)

    assert excursion(loss, PriceRange(Price(69_000), Price(69_900))) == Excursion(Won(20_000), Won(0))


def test_a_moment_in_the_market_counts_once() -> None:
    minute = timedelta(minutes=1)
    spans = [(0, 10), (5, 12), (6, 7), (30, 31)]
    trades = [a_closed_trade(opened_at=NOW + since * minute, closed_at=NOW + until * minute) for since, until in spans]

    measured = handling(trades, {})

    assert measured.time_in_market_seconds == (12 + 1) * 60
    assert measured.average_holding_seconds == (10 + 7 + 1 + 1) * 60 // 4


def test_excursions_are_of_the_trades_whose_prices_were_seen() -> None:
    seen = a_closed_trade(position_id=PositionId("seen"))
    unseen = a_closed_trade(position_id=PositionId("unseen"))
    ranges = {PositionId("seen"): PriceRange(Price(69_500), Price(72_000))}

    measured = handling([seen, unseen], ranges)

    assert (measured.average_adverse, measured.average_favourable, measured.greatest_adverse) == (5_000, 20_000, 5_000)
    assert handling([unseen], ranges).average_adverse is None


def test_only_forced_exits_cost_forced_liquidation() -> None:
    forced = a_closed_trade(exit_decision_price=Price(71_100), exit_reason=ExitReason.DEADLINE)
    chosen = a_closed_trade(exit_decision_price=Price(71_200))

    assert handling([forced, chosen], {}).forced_liquidation_cost == 1_000


def test_nothing_traded_is_nothing_measured() -> None:
    assert handling([], {}) == Handling()


def test_groups_share_out_every_trade() -> None:
    trades = [a_closed_trade(), a_closed_trade(symbol=HYNIX), a_closed_trade(sold_at=69_000)]

    groups = grouped(lambda trade: trade.symbol, trades, {})

    assert {name: group.performance.trades for name, group in groups.items()} == {HYNIX: 1, SAMSUNG: 2}
    assert sum(group.performance.net for group in groups.values()) == sum(trade.net_pnl for trade in trades)
