"""The price that a sale is decided on: the watch's last one while it is young enough, else what the broker is asked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.market.quote_feed import QuoteFeed
from domain.errors import TradingError
from domain.lane import Lane
from domain.market import Quote, Symbol, problem_with
from domain.rules import ExecutionRules

if TYPE_CHECKING:
    from activities.support.pace import Pace

_FRESH: Final = 2
"""Looks of a watcher, after which a price is asked for anew."""
_WITH_THE_FLEET: Final = 2
"""Times the age at which a price can no longer decide anything: at the deadline it decides nothing, it only bounds."""


@dataclass(frozen=True, slots=True)
class PriceWanted:
    """For which stock, what its watch has seen last, and whether it is sold with the whole fleet."""

    symbol: Symbol
    rules: ExecutionRules
    seen: Quote | None
    with_the_fleet: bool
    look_into_book: bool


class SalePrices:
    """Finds the price of a sale without a call where the position's watch has just had one."""

    def __init__(self, feed: QuoteFeed, pace: "Pace") -> None:
        self._feed = feed
        self._pace = pace

    async def find(self, wanted: PriceWanted) -> Quote | None:
        """Return a price to sell at, or None when none can be had: a sale waits for no quote, it goes at market."""
        quote = self._seen_lately(wanted) or await self._asked_for(wanted)
        if quote is None or quote.shows_book or not wanted.look_into_book:
            return quote
        return await self._seen_in_book(quote)

    def _seen_lately(self, wanted: PriceWanted) -> Quote | None:
        """Return what the watch has seen, or this process since then, if it is young enough to be sold at.

        When all are sold at once it may be older: each call for a newer one would keep another sale from leaving, a
        bid that has risen since is what is paid, and under one that has fallen the order is chased as any other.
        """
        seen, known = wanted.seen, self._feed.known_quote(wanted.symbol)
        if seen is None or not self._is_young(seen, wanted):
            return None
        newer = known is not None and known.observed_at >= seen.observed_at and self._is_young(known, wanted)
        return known if newer else seen

    def _is_young(self, quote: Quote, wanted: PriceWanted) -> bool:
        rules, now = wanted.rules, self._pace.now()
        most = _FRESH * rules.price_interval
        if wanted.with_the_fleet:
            most = rules.greatest_quote_age * (1 if quote.observed_at > now else _WITH_THE_FLEET)
        return problem_with(quote, now, self._pace.clock.market_duration(most)) is None

    async def _asked_for(self, wanted: PriceWanted) -> Quote | None:
        age = self._pace.clock.market_duration(_FRESH * wanted.rules.price_interval)
        try:
            return (await self._feed.quotes([wanted.symbol], age, Lane.EXIT)).get(wanted.symbol)
        except TradingError as fault:
            extra = {"symbol": wanted.symbol, "cause": str(fault)}
            activity.logger.warning("selling_without_a_price", extra=extra)
            return None

    async def _seen_in_book(self, quote: Quote) -> Quote:
        """Look for the best bid where the quote cannot show it; a sale does not wait for a book that does not come."""
        try:
            return await self._feed.seen_in_book(quote, Lane.EXIT)
        except TradingError as fault:
            activity.logger.warning("selling_without_a_book", extra={"symbol": quote.symbol, "cause": str(fault)})
            return quote
