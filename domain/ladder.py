"""The rungs of a sale: which order comes next and how long it stays, by market time and attempts (R16, F28)."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from domain.clock import MarketClock
from domain.market import Quote, TradingFlag
from domain.money import Quantity
from domain.order import OrderType
from domain.rules import ExecutionRules
from domain.session import MarketHours, Session


class Rung(StrEnum):
    """One way to sell, from the most careful to the last resort."""

    BEST_BID = "best_bid"  # a limit at the best bid, re-priced
    MARKET = "market"  # any price; in the closing auction too
    LOWER_LIMIT = "lower_limit"  # ranks like a market order, for stocks that accept none (단기과열, APBK1943)
    POST_CLOSE = "post_close"  # at today's closing price
    AFTER_MARKET = "after_market"  # a limit at the best bid in the evening, re-priced


ORDER_TYPE_OF: Final = MappingProxyType(
    {
        Rung.BEST_BID: OrderType.LIMIT,
        Rung.MARKET: OrderType.MARKET,
        Rung.LOWER_LIMIT: OrderType.LIMIT,
        Rung.POST_CLOSE: OrderType.POST_CLOSE,
        Rung.AFTER_MARKET: OrderType.AFTER_MARKET,
    }
)
KEEPS_ITS_PLACE: Final = MappingProxyType({OrderType.MARKET: Rung.MARKET, OrderType.POST_CLOSE: Rung.POST_CLOSE})
"""Orders of any worker that cannot be improved: a new order would only lose their place in the queue."""
_GRACE: Final = timedelta(seconds=3)
"""Real time after a market's end in which its last fills, and the end of the rest, appear in the broker's list."""
EVENING_REPRICE: Final = timedelta(seconds=30)
"""Real time for which the first evening order stays."""
_MOST_DOUBLINGS: Final = 4
_MOST_PAUSE_DOUBLINGS: Final = 10
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=1)
"""A day of refusals alone stays far below the limit of a run's history (F47)."""
_LAST_TRY: Final = timedelta(seconds=10)
"""Real time before the closing auction's end that an order needs to reach it; no pause skips this attempt."""
_LAST_TRY_SHARE: Final = 0.1
"""Maximum share of the auction for this time; a compressed day's auction lasts only seconds."""
_LONGEST_EVENING_PAUSE: Final = timedelta(minutes=5)
_SHARE_OF_THE_EVENING: Final = 0.25
"""The pause before the next price check, as a share of the evening passed without a price."""
_UNSENT_AT_ONCE: Final = 2
"""Later consecutive ones get longer pauses: if no order can be sent for hours, this also fills a history (F47)."""
_DOUBTS_AT_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Tries:
    """The attempts of a sale: orders in all and in the evening, and the latest consecutive refusals."""

    orders: int = 0
    evening_orders: int = 0
    refusals: int = 0
    refused: Rung | None = None
    unsent: int = 0
    """The latest consecutive orders that were never sent."""
    offered: Quantity = Quantity(0)
    """Shares of the last order, if it was refused or never sent."""

    @property
    def leaves_a_doubt(self) -> bool:
        """Return whether to check after the last refusal that the shares are still ours.

        Each check costs several calls, and a halted stock refuses all day. It is done after the first, 2nd, 4th, 8th
        and each 16th.
        """
        is_power_of_two = self.refusals & (self.refusals - 1) == 0
        is_due = is_power_of_two if self.refusals < _DOUBTS_AT_MOST else self.refusals % _DOUBTS_AT_MOST == 0
        return self.refused is not None and not self.unsent and is_due

    def after_unsent(self, offered: Quantity) -> "Tries":
        """Return the attempts after an order that was never sent: the market is unchanged, so the same rung follows."""
        return replace(self, unsent=self.unsent + 1, offered=offered)

    def after(self, rung: Rung, *, refused: bool, offered: Quantity = Quantity(0)) -> "Tries":
        """Count one more order; a refusal in another market does not count for this one."""
        same_market = self.refused is not None and _market_of(self.refused) is _market_of(rung)
        return Tries(
            orders=self.orders + 1,
            evening_orders=self.evening_orders + (rung is Rung.AFTER_MARKET),
            refusals=(self.refusals if same_market else 0) + 1 if refused else 0,
            refused=rung if refused else None,
            offered=offered if refused else Quantity(0),
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """No order can be sent now; the ladder is evaluated again at a market instant (UTC)."""

    until: datetime
    why: str = "waits for the next market"
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of one session and its evening, by the rules of a sale."""

    session: Session
    rules: ExecutionRules
    clock: MarketClock
    unhurried_until: datetime | None = None
    """Until this instant (market time) a sale sends no market order: it started early enough to wait for bids.

    None: every sale hurries.
    """

    def next_rung(self, now: datetime, tries: Tries, evening: AbstractSet[OrderType]) -> Rung | Wait | None:
        """Return how to sell at a market instant, or None after the day's last market; the rest is carried.

        Before the opening every sale waits: there is no bid yet, and a refusal gives no information. ``evening`` are
        the order types that the broker accepts after the regular session.
        """
        if now < self.session.opens_at:
            return Wait(self.session.opens_at)
        if now < self.session.auction_at and (tries.orders < self.rules.exit_limit_attempts or self._has_time(now)):
            return Rung.BEST_BID
        if now < self.session.ends_at:
            return Rung.LOWER_LIMIT if tries.refused is Rung.MARKET else Rung.MARKET
        for rung, hours in self._evening_markets(evening):
            if now < hours.until:
                return rung if now >= hours.orders_from else Wait(hours.orders_from)
        return None

    def patience(self, rung: Rung, now: datetime, tries: Tries) -> timedelta:
        """Return how long (real time) an order stays before it is withdrawn; ``tries`` are the attempts before it.

        An order that cannot be improved keeps its place in the queue to its market's end.
        """
        if rung is Rung.BEST_BID:
            return self._patience_at_the_bid(now, tries)
        to_the_end = self.clock.real_duration(max(self._end_of(rung) - now, timedelta(0))) + _GRACE
        if rung is not Rung.AFTER_MARKET:
            return to_the_end
        return min(EVENING_REPRICE * (1 << min(tries.evening_orders, _MOST_DOUBLINGS)), to_the_end)

    def pause_after_refusal(self, now: datetime, tries: Tries) -> timedelta:
        """Return the real time before the next order, doubled with each consecutive refusal; the next market ends it.

        The last attempt of the closing auction ends it too, so that a halt lifted during the auction is not missed.
        """
        return self._pause(
            now, tries.refusals - 1, _LONGEST_PAUSE if now < self.session.ends_at else _LONGEST_EVENING_PAUSE
        )

    def pause_after_unsent(self, now: datetime, tries: Tries) -> timedelta:
        """Return the real time before retrying an order that was never sent: one second, longer if none can be sent."""
        return self._pause(now, tries.unsent - 1 - _UNSENT_AT_ONCE, _LONGEST_PAUSE)

    def look_again_at(self, now: datetime) -> datetime:
        """Return when (market time) a missing evening price is requested again, with growing delays.

        A halted stock shows no price all evening, and each request is stored in a history (F47).
        """
        evening = self.session.after_market
        if evening is None:
            return now + self.clock.market_duration(EVENING_REPRICE)
        passed = self.clock.real_duration(max(now - evening.trades_from, timedelta(0)))
        pause = min(max(passed * _SHARE_OF_THE_EVENING, EVENING_REPRICE), _LONGEST_EVENING_PAUSE)
        return min(now + self.clock.market_duration(pause), max(evening.until, now))

    def _pause(self, now: datetime, doublings: int, longest: timedelta) -> timedelta:
        session = self.session
        pause = min(_FIRST_PAUSE * (1 << min(max(doublings, 0), _MOST_PAUSE_DOUBLINGS)), longest)
        borders = (session.auction_at, session.ends_at, session.post_close.until)
        left = [self.clock.real_duration(border - now) for border in borders if border > now]
        pause = max(min([pause, *left]), _FIRST_PAUSE)
        to_the_last_try = self.clock.real_duration(self._last_try_at() - now)
        return min(pause, to_the_last_try) if to_the_last_try > timedelta(0) else pause

    def _last_try_at(self) -> datetime:
        session = self.session
        lead = min(self.clock.market_duration(_LAST_TRY), (session.ends_at - session.auction_at) * _LAST_TRY_SHARE)
        return session.ends_at - lead

    def _patience_at_the_bid(self, now: datetime, tries: Tries) -> timedelta:
        least = self.rules.exit_reprice
        if self.unhurried_until is None or not self._has_time(now):
            return least
        doublings = min(max(tries.orders + 1 - self.rules.exit_limit_attempts, 0), _MOST_DOUBLINGS)
        left = self.clock.real_duration(self.unhurried_until - now)
        return max(min(least * (1 << doublings), left), least)

    def _has_time(self, now: datetime) -> bool:
        return self.unhurried_until is not None and now < self.unhurried_until

    def _evening_markets(self, taken: AbstractSet[OrderType]) -> Iterator[tuple[Rung, MarketHours]]:
        if OrderType.POST_CLOSE in taken:
            yield Rung.POST_CLOSE, self.session.post_close
        after_market = self.session.after_market
        if self.rules.after_market and OrderType.AFTER_MARKET in taken and after_market is not None:
            yield Rung.AFTER_MARKET, after_market

    def _end_of(self, rung: Rung) -> datetime:
        if rung is Rung.POST_CLOSE:
            return self.session.post_close.until
        if rung is Rung.AFTER_MARKET and self.session.after_market is not None:
            return self.session.after_market.until
        return self.session.ends_at


def why_unsold(quote: Quote | None, flags: AbstractSet[TradingFlag]) -> str:
    """Return a short reason why the market did not take a stock."""
    if TradingFlag.HALTED in flags:
        return "halted"
    if quote is None:
        return "no price available"
    if quote.limits is not None and quote.price == quote.limits.lower:
        return "locked at the lower limit"
    if quote.shows_book and not quote.bid:
        return "no bids"
    return "too few bids"


def _market_of(rung: Rung) -> Rung:
    """Return the rung that represents its market."""
    return rung if rung in {Rung.POST_CLOSE, Rung.AFTER_MARKET} else Rung.MARKET
