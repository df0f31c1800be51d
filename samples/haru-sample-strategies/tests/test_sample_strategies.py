"""What each sample buys, and what it does not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from haru_sample_strategies.gap_fade import GapFade
from haru_sample_strategies.morning_momentum import MorningMomentum
from haru_sample_strategies.opening_range import OpeningRange
from haru_sample_strategies.relative_volume import RelativeVolume
from haru_sample_strategies.rsi_rebound import RsiRebound
from haru_sample_strategies.vwap_reversion import VwapReversion

from domain.market import DailyBar, DailyReference, MarketView, MinuteBar, Quote, Symbol
from domain.money import Price, Quantity, Won
from domain.rules import StrategyRules
from domain.session import TradingCalendar
from domain.tick_size import price_limits
from strategies.admission import Admitted, admitted

SAMSUNG = Symbol("005930")
DAY = date(2026, 11, 23)
OPENS_AT = datetime(2026, 11, 23, tzinfo=UTC)
"""09:00 in Seoul."""
SESSION = TradingCalendar(frozenset()).session_on(DAY)
DAYS = tuple(
    DailyBar(
        DAY - timedelta(days=back), Price(70_000), Price(70_500), Price(69_000), Price(70_000), Quantity(1_000_000)
    )
    for back in range(10, 0, -1)
)
YESTERDAY = DailyReference(
    SAMSUNG, Price(70_000), Price(70_500), Price(69_000), Quantity(1_000_000), price_limits(Price(70_000)), DAYS
)
RULES = StrategyRules()


def minutes(*closes: int, since: int = 0) -> tuple[MinuteBar, ...]:
    """Return bars, each of which opens at the close before it."""
    prices = [closes[0], *closes]
    return tuple(
        MinuteBar(
            OPENS_AT + timedelta(minutes=since + number),
            Price(opened),
            Price(max(opened, close)),
            Price(min(opened, close)),
            Price(close),
            Quantity(1_000),
        )
        for number, (opened, close) in enumerate(zip(prices, closes, strict=False))
    )


def view(
    price: int, after: int, bars: tuple[MinuteBar, ...] = (), opened_at: int = 70_000, volume: int = 50_000
) -> MarketView:
    """Return a stock so many minutes after the opening, with a turnover at 70,000 won a share."""
    quote = Quote(
        SAMSUNG,
        Price(price),
        OPENS_AT + timedelta(minutes=after),
        open_price=Price(opened_at),
        previous_close=Price(70_000),
        volume=Quantity(volume),
        turnover=Won(volume * 70_000),
    )
    return MarketView(quote, YESTERDAY, (), bars, SESSION)


def buys(strategy: type, seen: MarketView) -> bool:
    one: Admitted = admitted(strategy)
    signal = one.entry(seen, RULES)
    return signal is not None and 0 <= signal.confidence <= 1 and signal.strategy == one.name


def test_the_opening_range_is_bought_shortly_above_its_high_and_only_if_it_was_seen() -> None:
    bars = minutes(*[70_000, 70_400, 70_200] * 6)

    assert buys(OpeningRange, view(70_700, 20, bars))
    assert not buys(OpeningRange, view(70_400, 20, bars))
    assert not buys(OpeningRange, view(72_000, 20, bars))
    assert not buys(OpeningRange, view(70_700, 10, bars))
    assert not buys(OpeningRange, view(70_700, 200, bars))
    assert not buys(OpeningRange, view(70_700, 20, minutes(70_000, 70_400, since=5)))


def test_a_gap_down_is_bought_once_a_part_of_it_is_closed() -> None:
    assert buys(GapFade, view(69_100, 20, opened_at=68_500))
    assert not buys(GapFade, view(68_600, 20, opened_at=68_500))
    assert not buys(GapFade, view(69_800, 20, opened_at=68_500))
    assert not buys(GapFade, view(69_900, 20, opened_at=69_800))
    assert not buys(GapFade, view(62_000, 20, opened_at=60_000))


def test_a_price_below_the_average_is_bought_when_a_minute_turns_up() -> None:
    falling, turning = minutes(*range(70_000, 68_800, -100)), minutes(*range(70_000, 68_900, -100), 69_100, 69_000)

    assert buys(VwapReversion, view(69_000, 15, turning))
    assert not buys(VwapReversion, view(69_000, 15, falling))
    assert not buys(VwapReversion, view(69_900, 15, turning))
    assert not buys(VwapReversion, view(66_000, 15, turning))


def test_a_rise_on_several_times_the_usual_volume_is_bought() -> None:
    assert buys(RelativeVolume, view(71_000, 39, volume=400_000))
    assert not buys(RelativeVolume, view(71_000, 39, volume=200_000))
    assert not buys(RelativeVolume, view(70_100, 39, volume=400_000))
    assert not buys(RelativeVolume, view(71_000, 5, volume=400_000))
    assert not buys(
        RelativeVolume, replace(view(71_000, 39, volume=400_000), reference=replace(YESTERDAY, days=DAYS[:2]))
    )


def test_of_the_busy_stocks_the_busier_half_is_tried_busiest_first() -> None:
    seen = [view(71_000, 39, volume=volume) for volume in (400_000, 900_000, 500_000)]
    named = tuple(
        replace(one, quote=replace(one.quote, symbol=Symbol(f"00000{number}"))) for number, one in enumerate(seen)
    )

    assert admitted(RelativeVolume).rank(named, RULES) == {
        Symbol("000001"): Decimal(1),
        Symbol("000002"): Decimal("0.5"),
    }


def test_a_row_of_rising_minutes_is_bought_in_the_first_hour_only() -> None:
    rising, broken = minutes(70_000, 70_200, 70_400, 70_600, 70_600), minutes(70_000, 70_200, 70_100, 70_600, 70_600)

    assert buys(MorningMomentum, view(70_600, 10, rising))
    assert not buys(MorningMomentum, view(70_600, 10, broken))
    assert not buys(MorningMomentum, view(70_600, 90, rising))
    assert not buys(MorningMomentum, view(70_600, 10, rising[:3]))


def test_an_oversold_stock_is_bought_in_the_minute_in_which_its_rsi_recovers() -> None:
    falling = list(range(75_000, 70_000, -100))
    turned, went_on = minutes(*falling, 71_500, 71_500), minutes(*falling, 70_000, 70_000)

    assert buys(RsiRebound, view(71_500, len(turned) - 1, turned))
    assert not buys(RsiRebound, view(70_000, len(went_on) - 1, went_on))
    assert not buys(RsiRebound, view(71_500, 11, minutes(*falling[:10], 75_000, 75_000)))
