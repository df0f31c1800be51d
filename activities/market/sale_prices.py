"""Price on which a sale is decided: the watch's last one if recent enough, else a broker query."""

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
"""Multiple of a watcher's price interval after which a price is queried again."""
_WITH_THE_FLEET: Final = 2
"""Multiple of the greatest quote age at the fleet's deadline: there a price decides nothing, it only sets a bound."""


@dataclass(frozen=True, slots=True)
class PriceWanted:
    """Stock, the last quote of its watch, and whether it is sold together with the whole fleet."""

    symbol: Symbol
    rules: ExecutionRules
    seen: Quote | None
    with_the_fleet: bool
    look_into_book: bool


class SalePrices:
    """Finds the price of a sale without a call if the position's watch has a recent one."""

    def __init__(self, feed: QuoteFeed, pace: "Pace") -> None:
        self._feed = feed
        self._pace = pace

    async def find(self, wanted: PriceWanted) -> Quote | None:
        """Return a price to sell at; None if unavailable: a sale does not wait for a quote, it goes at market."""
        quote = self._seen_lately(wanted) or await self._asked_for(wanted)
        if quote is None or quote.shows_book or not wanted.look_into_book:
            return quote
        return await self._seen_in_book(quote)

    def _seen_lately(self, wanted: PriceWanted) -> Quote | None:
        """Return the watch's quote, or this process's newer one, if it is recent enough for a sale.

        When all positions are sold at once it may be older: each call for a newer one would delay another sale. A sale
        gets the higher bid if the bid has risen since. If it has fallen, the order is repriced like any other.
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
        """Query the best bid if the quote lacks it; sell without the book if the query fails."""
        try:
            return await self._feed.seen_in_book(quote, Lane.EXIT)
        except TradingError as fault:
            activity.logger.warning("selling_without_a_book", extra={"symbol": quote.symbol, "cause": str(fault)})
            return quote
