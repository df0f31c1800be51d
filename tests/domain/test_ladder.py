"""The rungs of a sale: which one, how long, and when none is left."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import MarketClock
from domain.ladder import ORDER_TYPE_OF, Ladder, Rung, Tries, Wait, why_unsold
from domain.market import TradingFlag
from domain.money import Price, Quantity
from domain.order import OrderType
from domain.rules import ExecutionRules
from domain.tick_size import PriceLimits
from exchange.calendar import krx_calendar
from tests.support.builders import a_quote
from tests.workflows.floor import kst

CALENDAR = krx_calendar(2026, 2027)
MONDAY = CALENDAR.session_at_or_after(kst("2026-11-23 09:00"))
CSAT_DAY = CALENDAR.session_at_or_after(kst("2026-11-19 10:00"))
ALL = frozenset({OrderType.POST_CLOSE, OrderType.AFTER_MARKET})
LIVE = MarketClock(kst("2026-11-23 09:00"), kst("2026-11-23 09:00"))
RULES = ExecutionRules(after_market=True)
LADDER = Ladder(MONDAY, RULES, LIVE)
REFUSED = Tries(orders=5).after(Rung.MARKET, refused=True)


def rung_at(text: str, tries: Tries = Tries(), ladder: Ladder = LADDER, evening: frozenset[OrderType] = ALL) -> object:  # noqa: B008
    return ladder.next_rung(kst(f"2026-11-23 {text}"), tries, evening)


@pytest.mark.parametrize(
    ("at", "tries", "rung"),
    [
        ("09:00", Tries(), Rung.BEST_BID),
        ("10:00", Tries(), Rung.BEST_BID),
        ("10:00", Tries(orders=1), Rung.BEST_BID),
        ("10:00", Tries(orders=2), Rung.MARKET),
        ("10:00", REFUSED, Rung.LOWER_LIMIT),
        ("10:00", REFUSED.after(Rung.LOWER_LIMIT, refused=True), Rung.MARKET),
        ("15:19:59", Tries(), Rung.BEST_BID),
        ("15:20", Tries(), Rung.MARKET),
        ("15:29:59", REFUSED, Rung.LOWER_LIMIT),
        ("15:30", REFUSED, Rung.POST_CLOSE),
        ("15:59:59", Tries(), Rung.POST_CLOSE),
        ("16:00", Tries(), Rung.AFTER_MARKET),
        ("19:59:59", Tries(orders=90), Rung.AFTER_MARKET),
        ("20:00", Tries(), None),
    ],
)
def test_the_market_time_and_what_was_tried_decide_the_rung(at: str, tries: Tries, rung: Rung | None) -> None:
    assert rung_at(at, tries) is rung


@pytest.mark.parametrize("at", ["00:00", "08:29", "08:59:59"])
def test_before_the_opening_a_sale_waits_for_it(at: str) -> None:
    for tries in (Tries(), Tries(orders=2), REFUSED):
        assert rung_at(at, tries) == Wait(MONDAY.opens_at)


def test_without_the_operators_word_the_evening_ends_with_the_post_close() -> None:
    ladder = replace(LADDER, rules=ExecutionRules())

    assert rung_at("15:59:59", ladder=ladder) is Rung.POST_CLOSE
    assert rung_at("16:00", ladder=ladder) is None


def test_a_broker_without_an_evening_is_shut_at_the_close() -> None:
    assert rung_at("15:29:59", evening=frozenset()) is Rung.MARKET
    assert rung_at("15:30", evening=frozenset()) is None


def test_a_broker_with_the_after_market_alone_lets_the_sale_wait_for_it() -> None:
    assert rung_at("15:31", evening=frozenset({OrderType.AFTER_MARKET})) == Wait(kst("2026-11-23 16:00"))


def test_before_september_2026_there_was_no_after_market() -> None:
    ladder = replace(LADDER, session=CALENDAR.session_at_or_after(kst("2026-09-11 10:00")))

    assert ladder.session.after_market is None
    assert ladder.next_rung(kst("2026-09-11 16:10"), Tries(), ALL) is None


def test_on_the_csat_day_all_rungs_come_an_hour_later_but_the_last_ends_at_eight() -> None:
    ladder = replace(LADDER, session=CSAT_DAY)
    at = {
        text: ladder.next_rung(kst(f"2026-11-19 {text}"), Tries(orders=2), ALL) for text in ("16:29", "16:59", "17:00")
    }

    assert list(at.values()) == [Rung.MARKET, Rung.POST_CLOSE, Rung.AFTER_MARKET]
    assert ladder.next_rung(kst("2026-11-19 20:00"), Tries(), ALL) is None


@pytest.mark.parametrize(
    ("rung", "at", "tries", "stands"),
    [
        (Rung.BEST_BID, "15:19:58", Tries(), timedelta(seconds=3)),
        (Rung.MARKET, "10:00", Tries(), timedelta(hours=5, minutes=30, seconds=3)),
        (Rung.LOWER_LIMIT, "15:25", Tries(), timedelta(minutes=5, seconds=3)),
        (Rung.POST_CLOSE, "15:30:10", Tries(), timedelta(minutes=29, seconds=53)),
        (Rung.AFTER_MARKET, "16:00", Tries(), timedelta(seconds=30)),
        (Rung.AFTER_MARKET, "16:10", Tries(evening_orders=3), timedelta(minutes=4)),
        (Rung.AFTER_MARKET, "17:10", Tries(evening_orders=30), timedelta(minutes=8)),
        (Rung.AFTER_MARKET, "19:59:50", Tries(), timedelta(seconds=13)),
    ],
)
def test_what_nothing_could_better_keeps_its_place_and_the_rest_is_priced_again(
    rung: Rung, at: str, tries: Tries, stands: timedelta
) -> None:
    assert LADDER.patience(rung, kst(f"2026-11-23 {at}"), tries) == stands


def test_a_sale_that_began_early_waits_for_bids_and_hurries_when_its_fleet_does() -> None:
    early = replace(LADDER, unhurried_until=kst("2026-11-23 15:15"))

    assert rung_at("15:14:59", Tries(orders=40), early) is Rung.BEST_BID
    assert rung_at("15:15", Tries(orders=40), early) is Rung.MARKET
    assert rung_at("15:15", Tries(), early) is Rung.BEST_BID


def test_while_there_is_time_a_limit_stands_longer_each_time_but_not_past_it() -> None:
    early = replace(LADDER, unhurried_until=kst("2026-11-23 15:15"))

    stands = [early.patience(Rung.BEST_BID, kst("2026-11-23 14:30"), Tries(orders=each)) for each in range(8)]

    assert [each.total_seconds() for each in stands] == [3, 3, 6, 12, 24, 48, 48, 48]
    assert early.patience(Rung.BEST_BID, kst("2026-11-23 15:14:40"), Tries(orders=9)) == timedelta(seconds=20)
    assert early.patience(Rung.BEST_BID, kst("2026-11-23 15:14:59"), Tries(orders=9)) == timedelta(seconds=3)


def test_in_a_compressed_market_an_order_stands_for_as_much_less() -> None:
    fast = replace(LADDER, clock=MarketClock(kst("2026-11-23 09:00"), kst("2026-11-23 09:00"), speed=60))

    assert fast.patience(Rung.POST_CLOSE, kst("2026-11-23 15:30"), Tries()) == timedelta(seconds=33)


@pytest.mark.parametrize("speed", [1, 10, 60, 600])
@pytest.mark.parametrize("unsent", [False, True])
@given(seconds=st.floats(0, 580))
def test_no_pause_sleeps_through_the_last_moments_of_the_closing_auction(
    speed: int, unsent: bool, seconds: float
) -> None:
    """A halt that is lifted at 15:29 leaves time for one more order."""
    ladder = replace(LADDER, clock=MarketClock(kst("2026-11-23 09:00"), kst("2026-11-23 09:00"), speed))
    now, tries = MONDAY.auction_at + timedelta(seconds=seconds), replace(REFUSED, refusals=9)
    tried_at = [now]
    while now < MONDAY.ends_at:
        tries = tries.after_unsent(Quantity(1)) if unsent else tries.after(Rung.MARKET, refused=True)
        pause = ladder.pause_after_unsent(now, tries) if unsent else ladder.pause_after_refusal(now, tries)
        now += ladder.clock.market_duration(pause)
        tried_at.append(now)

    last_moments = min(timedelta(seconds=10) * speed, timedelta(minutes=1)) + timedelta(milliseconds=1)
    assert any(MONDAY.ends_at - last_moments <= at < MONDAY.ends_at for at in tried_at)
    assert len(tried_at) < 610 / speed + 4


def test_refusals_pause_longer_each_time_and_not_past_the_next_market() -> None:
    tries, pauses = Tries(), []
    for _ in range(7):
        tries = tries.after(Rung.MARKET, refused=True)
        pauses.append(LADDER.pause_after_refusal(kst("2026-11-23 14:00"), tries).total_seconds())

    assert pauses == [1, 2, 4, 8, 16, 32, 60]
    assert LADDER.pause_after_refusal(kst("2026-11-23 15:29:55"), tries) == timedelta(seconds=5)
    assert LADDER.pause_after_refusal(kst("2026-11-23 15:29:59.9"), tries) == timedelta(seconds=1)


def test_a_refusal_says_nothing_about_another_market() -> None:
    halted_all_day = replace(REFUSED, refusals=900)

    assert halted_all_day.after(Rung.POST_CLOSE, refused=True).refusals == 1
    assert halted_all_day.after(Rung.LOWER_LIMIT, refused=True).refusals == 901
    assert halted_all_day.after(Rung.POST_CLOSE, refused=False).refused is None


@pytest.mark.parametrize("tries", [Tries(), Tries(orders=1), REFUSED, Tries(orders=3, evening_orders=2)])
def test_an_order_that_never_left_says_nothing_about_the_market(tries: Tries) -> None:
    unsent = tries.after_unsent(Quantity(7))

    assert replace(unsent, unsent=0, offered=tries.offered) == tries
    assert [rung_at(at, unsent) for at in ("10:00", "15:29", "15:31")] == [
        rung_at(at, tries) for at in ("10:00", "15:29", "15:31")
    ]
    assert (unsent.unsent, unsent.offered) == (1, 7)
    assert unsent.after(Rung.MARKET, refused=True).unsent == 0


def test_what_never_left_is_tried_again_at_once_unless_nothing_leaves_at_all() -> None:
    tries, pauses = replace(REFUSED, refusals=9), []
    for _ in range(10):
        tries = tries.after_unsent(Quantity(7))
        pauses.append(LADDER.pause_after_unsent(kst("2026-11-23 14:00"), tries).total_seconds())

    assert pauses == [1, 1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert LADDER.pause_after_unsent(kst("2026-11-23 17:00"), replace(tries, unsent=90)) == timedelta(minutes=1)
    assert LADDER.pause_after_unsent(kst("2026-11-23 15:29:55"), tries) == timedelta(seconds=5)


def test_refusals_ask_less_and_less_often_whether_the_shares_are_still_ours() -> None:
    tries, asked = Tries(), []
    for number in range(1, 50):
        tries = tries.after(Rung.MARKET, refused=True, offered=Quantity(7))
        if tries.leaves_a_doubt:
            asked.append(number)

    assert asked == [1, 2, 4, 8, 16, 32, 48]
    assert not Tries(orders=1).leaves_a_doubt
    assert not Tries().after(Rung.MARKET, refused=True).after_unsent(Quantity(7)).leaves_a_doubt


@given(st.integers(0, 12 * 3600), st.integers(0, 100), st.sampled_from([None, *Rung]))
def test_each_rung_stands_within_its_own_market_and_never_returns_to_an_earlier_one(
    seconds: int, orders: int, refused: Rung | None
) -> None:
    now = kst("2026-11-23 09:00") + timedelta(seconds=seconds)
    tries = Tries(orders, refused=refused, refusals=int(refused is not None))
    rung = LADDER.next_rung(now, tries, ALL)

    later = LADDER.next_rung(now + timedelta(minutes=30), tries, ALL)

    if rung is None:
        assert later is None
    else:
        assert isinstance(rung, Rung)
        assert timedelta(0) < LADDER.patience(rung, now, tries) <= timedelta(hours=6, minutes=31)
        assert (ORDER_TYPE_OF[rung] is OrderType.MARKET) <= (now < MONDAY.ends_at)


def test_what_the_market_shows_of_an_unsold_stock_is_put_into_words() -> None:
    limits = PriceLimits(Price(49_000), Price(91_000))
    locked = a_quote(price=49_000, bid=0, limits=limits)

    assert why_unsold(None, frozenset({TradingFlag.HALTED})) == "halted"
    assert why_unsold(None, frozenset()) == "no price available"
    assert why_unsold(locked, frozenset()) == "locked at the lower limit"
    assert why_unsold(replace(locked, price=Price(50_000)), frozenset()) == "no bids"
    assert why_unsold(a_quote(limits=limits), frozenset()) == "too few bids"


def test_an_evening_without_a_price_is_looked_at_ever_more_seldom_and_to_its_end() -> None:
    looks = [kst("2026-11-23 16:00")]
    while looks[-1] < kst("2026-11-23 20:00"):
        looks.append(LADDER.look_again_at(looks[-1]))

    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[:-1] == sorted(pauses[:-1])
    assert max(pauses) == timedelta(minutes=5)
    assert looks[-1] == kst("2026-11-23 20:00")
    assert 50 < len(looks) < 70


def test_what_was_offered_is_kept_with_a_refusal_alone() -> None:
    assert Tries().after(Rung.MARKET, refused=True, offered=Quantity(7)).offered == 7
    assert Tries().after(Rung.MARKET, refused=False, offered=Quantity(7)).offered == 0
    assert Tries().after(Rung.MARKET, refused=True).offered == 0
