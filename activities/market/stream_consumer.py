"""Stream events of a process: prices go into its feed, notices wake the followers of orders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from activities.market.order_notices import OrderNotices
from activities.market.quote_feed import QuoteFeed
from domain.market import Quote
from domain.stream import Covered, Gap, Garbled, News, OrderNotice


@dataclass(frozen=True, slots=True)
class Ears:
    """Feed and order notices of one process; ``now`` is market time."""

    feed: QuoteFeed
    notices: OrderNotices
    now: Callable[[], datetime]

    def take(self, news: News) -> bool:
        """Dispatch an event; return whether it was news: a tick may be old, absurd or not requested."""
        match news:
            case Quote():
                return self.feed.take(news)
            case OrderNotice():
                self.notices.hear(news, self.now())
            case Covered(symbols):
                self.feed.cover(symbols)
            case Garbled():
                self.notices.hear_garbled()
            case Gap():
                self.feed.forget_stream()
                self.notices.ring_all()
        return True
