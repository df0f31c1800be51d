"""How a process handles stream messages that it cannot read."""

from activities.market.order_notices import OrderNotices
from activities.market.quote_feed import QuoteFeed
from activities.market.stream_consumer import Ears
from domain.stream import Garbled
from tests.activities.test_ticks import Market
from tests.support.builders import SAMSUNG


def ears(between_garbled: float) -> Ears:
    market = Market()
    return Ears(QuoteFeed(market, market), OrderNotices(between_garbled), market.now)  # type: ignore[arg-type]


async def test_many_unreadable_ticks_ring_a_follower_once_a_round() -> None:
    process, rings = ears(between_garbled=3_600.0), 0
    with process.notices.listening(SAMSUNG) as bell:
        for _ in range(90):
            process.take(Garbled("45 fields"))
            rings += bell.is_set()
            bell.clear()

    assert rings == 1


async def test_the_next_round_rings_again() -> None:
    process = ears(between_garbled=0.0)
    with process.notices.listening(SAMSUNG) as bell:
        process.take(Garbled("45 fields"))
        bell.clear()
        process.take(Garbled("45 fields"))

        assert bell.is_set()
