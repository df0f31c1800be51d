"""Limit prices that are marketable, on the grid and inside the day's limits."""

from hypothesis import given
from hypothesis import strategies as st

from domain.money import Price
from domain.pricing import entry_limit, exit_limit
from domain.rules import ExecutionRules
from domain.tick_size import is_on_grid, next_above, price_limits, round_down
from tests.support.builders import a_quote

RULES = ExecutionRules(entry_ticks=2, exit_ticks=1)
grid_prices = st.integers(10, 1_500_000).map(round_down)


def test_a_buy_may_pay_some_ticks_above_the_best_ask() -> None:
    assert entry_limit(a_quote(ask=Price(70_100)), RULES) == 70_300


def test_ticks_are_counted_across_a_band_edge() -> None:
    assert entry_limit(a_quote(price=49_900, ask=Price(49_950)), RULES) == 50_100


def test_a_buy_never_bids_above_the_upper_limit() -> None:
    limits = price_limits(Price(54_000))

    assert entry_limit(a_quote(ask=Price(70_100), limits=limits), RULES) == limits.upper == 70_200


def test_without_offers_a_buy_bids_the_last_price() -> None:
    assert entry_limit(a_quote(price=70_000, ask=Price(0)), RULES) == 70_000


def test_without_known_limits_the_ticks_alone_decide() -> None:
    assert entry_limit(a_quote(ask=Price(70_100), limits=None), RULES) == 70_300
    assert exit_limit(a_quote(bid=Price(70_000), limits=None), RULES) == 69_900


def test_a_sale_may_go_some_ticks_below_the_best_bid() -> None:
    assert exit_limit(a_quote(bid=Price(70_000)), RULES) == 69_900


def test_a_sale_never_asks_below_the_lower_limit() -> None:
    limits = price_limits(Price(100_000))

    assert exit_limit(a_quote(price=70_000, bid=Price(70_000), limits=limits), RULES) == limits.lower == 70_000


def test_without_bids_a_sale_joins_the_best_ask_below_the_last_price() -> None:
    assert exit_limit(a_quote(price=70_000, bid=Price(0), ask=Price(69_500)), RULES) == 69_500


def test_without_bids_or_asks_a_sale_asks_the_last_price() -> None:
    assert exit_limit(a_quote(price=70_000, bid=Price(0), ask=Price(0)), RULES) == 70_000


def test_without_bids_an_ask_above_the_last_price_is_undercut_to_it() -> None:
    assert exit_limit(a_quote(price=70_000, bid=Price(0), ask=Price(70_500)), RULES) == 70_000


@given(base=grid_prices, data=st.data(), ticks=st.integers(0, 10), off=st.integers(1, 500))
def test_order_prices_are_on_the_grid_whatever_a_mid_price_trade_shows(
    base: Price, data: st.DataObject, ticks: int, off: int
) -> None:
    limits = price_limits(Price(base + off))
    last, bid, ask = (
        data.draw(st.sampled_from([0, each]) | st.just(each))
        for each in (data.draw(st.integers(limits.lower, limits.upper)) for _ in range(3))
    )
    quote = a_quote(last or base, bid=Price(bid), ask=Price(ask), limits=data.draw(st.sampled_from([None, limits])))
    rules = ExecutionRules(entry_ticks=ticks, exit_ticks=ticks)

    assert is_on_grid(entry_limit(quote, rules))
    assert is_on_grid(exit_limit(quote, rules))


def test_a_sale_at_a_half_tick_price_asks_the_grid_price_below_it() -> None:
    quote = a_quote(price=273_750, bid=Price(0), ask=Price(0), limits=None)

    assert exit_limit(quote, RULES) == 273_500
    assert entry_limit(quote, RULES) == 273_500


@given(base=grid_prices, data=st.data(), ticks=st.integers(0, 10))
def test_limits_are_on_the_grid_inside_the_day_and_marketable(base: Price, data: st.DataObject, ticks: int) -> None:
    limits = price_limits(base)
    bid = round_down(data.draw(st.integers(limits.lower, limits.upper)))
    ask = Price(data.draw(st.sampled_from([0, min(next_above(bid), limits.upper)])))
    quote = a_quote(bid, bid=Price(data.draw(st.sampled_from([0, bid]))), ask=ask, limits=limits)
    rules = ExecutionRules(entry_ticks=ticks, exit_ticks=ticks)

    buy, sell = entry_limit(quote, rules), exit_limit(quote, rules)

    assert is_on_grid(buy)
    assert is_on_grid(sell)
    assert limits.contains(buy)
    assert limits.contains(sell)
    assert buy >= quote.ask
    assert sell <= (quote.bid or quote.price)
