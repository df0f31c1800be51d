"""Check right before a purchase: flags, price and strategy are queried again."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from activities.market.left_out import StockFault
from activities.market.quote_feed import QuoteFeed
from domain.errors import BrokerRefusedError
from domain.identity import AccountId
from domain.lane import Lane
from domain.market import InstrumentStatus, MarketView, Quote, QuoteProblem, Symbol, problem_with
from domain.money import change_rate
from domain.rules import TradingRules
from domain.screening import Candidate, ScreenedStock, first_failed_filter, spread_is_wide

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard

_FLAG_AGE: Final = timedelta(seconds=1)
"""Real time for which flags count as current; a volatility interruption lasts two minutes."""
_SAME_PAST: Final = timedelta(minutes=1)
"""Market time by which this process's price history may start later than that of the scanning process."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Basis of a purchase; the candidate carries its strategy's current reason."""

    candidate: Candidate
    quote: Quote
    status: InstrumentStatus


@dataclass(frozen=True, slots=True)
class NotBought:
    """Why a candidate is not bought now."""

    reason: str


class LastLook:
    """Checks one candidate in the entry lane."""

    def __init__(self, feed: QuoteFeed, guard: "StrategyGuard", pace: "Pace") -> None:
        self._feed = feed
        self._guard = guard
        self._pace = pace

    async def look(self, candidate: Candidate, rules: TradingRules, account_id: AccountId) -> Seen | NotBought:
        """Return the current data of a candidate, or the reason against buying it.

        Raises:
            BrokerRefusedError, BrokerProtocolError: the broker refuses a query of this stock, or its reply is
            malformed.
        """
        symbol = candidate.symbol
        status = await self._feed.status(symbol, self._pace.clock.market_duration(_FLAG_AGE), Lane.ENTRY)
        if status.flags:
            return NotBought("flagged " + ", ".join(sorted(status.flags)))
        await self._know_reference(symbol)
        quote = await self.fresh_quote(symbol, rules, rules.execution.price_interval)
        if isinstance(quote, NotBought):
            return quote
        quote = await self._with_book(quote, rules)
        if isinstance(quote, NotBought):
            return quote
        stock = ScreenedStock(self._feed.view_of(quote), status, locked=False, cooling_down=False)
        confirmed = await self._confirmed(candidate, stock, rules, account_id)
        return confirmed if isinstance(confirmed, NotBought) else Seen(confirmed, quote, status)

    async def fresh_quote(self, symbol: Symbol, rules: TradingRules, greatest_age: timedelta) -> Quote | NotBought:
        """Return a quote no older than ``greatest_age`` (real time), or why it cannot be traded on."""
        clock, trusted = self._pace.clock, rules.execution.greatest_quote_age
        ages = (clock.market_duration(greatest_age), Lane.ENTRY, clock.market_duration(trusted) / 2)
        quote = (await self._feed.quotes([symbol], *ages)).get(symbol)
        if quote is None:
            return NotBought("no quote")
        if quote.unreadable:
            return NotBought(f"quote unreadable: {', '.join(quote.unreadable)}")
        if not quote.volume:
            return NotBought("nothing has traded today: the session may open late")
        problem = problem_with(quote, self._pace.now(), clock.market_duration(trusted))
        return quote if problem is None else NotBought(f"quote {problem}")

    async def _know_reference(self, symbol: Symbol) -> None:
        faults: dict[Symbol, StockFault] = await self._feed.learn_references([symbol], Lane.ENTRY)
        if symbol in faults:
            raise faults[symbol].with_traceback(None)

    async def _with_book(self, quote: Quote, rules: TradingRules) -> Quote | NotBought:
        """Check the spread again, in the order book if the quote lacks it; a scan accepts an unknown spread."""
        try:
            seen = await self._feed.seen_in_book(quote, Lane.ENTRY)
        except BrokerRefusedError as refusal:
            return NotBought(f"order book refused, {refusal}")
        if spread_is_wide(seen, rules.screening):
            return NotBought(f"spread too wide: bid {seen.bid:,}, ask {seen.ask:,}")
        crossed = 0 < seen.ask < seen.bid
        return NotBought(f"quote {QuoteProblem.CROSSED}") if crossed else seen

    async def _confirmed(
        self, candidate: Candidate, stock: ScreenedStock, rules: TradingRules, account_id: AccountId
    ) -> Candidate | NotBought:
        """Return the candidate as confirmed by its own filters and strategy now."""
        clock, execution = self._pace.clock, rules.execution
        age = clock.market_duration(execution.greatest_quote_age)
        dropped = first_failed_filter(stock, rules.screening, self._pace.now(), age)
        if dropped is not None:
            return NotBought(f"dropped by {dropped}")
        own = replace(rules, strategy=replace(rules.strategy, names=(candidate.strategy,)))
        (judged,) = await self._guard.judged([stock], own, account_id)
        if judged.refused_by:
            return NotBought(f"refused by filter {judged.refused_by}")
        if judged.code_failed:
            return NotBought(f"no valid answer from {candidate.strategy}")
        if judged.signal is not None:
            version, reason = judged.signal.strategy_version, judged.signal.reason
            return replace(candidate, strategy_version=version, reason=reason)
        return self._without_signal(candidate, stock.view, rules)

    def _without_signal(self, candidate: Candidate, view: MarketView, rules: TradingRules) -> Candidate | NotBought:
        """Treat a missing signal as a refusal if this process knows as much of the stock as the scan did.

        Another process may have scanned. Then the scan's signal holds while the price stays close to the scanned price.
        """
        now_and_then = f"at {view.quote.price:,}, scanned at {candidate.price:,}"
        if _knows_as_much(view, candidate):
            return NotBought(f"{candidate.strategy} no longer signals a buy {now_and_then}")
        if abs(change_rate(view.quote.price, candidate.price)) > rules.risk.slippage_allowance:
            return NotBought(f"the price has moved: {now_and_then}")
        return candidate


def _knows_as_much(view: MarketView, candidate: Candidate) -> bool:
    if candidate.known_since is None:
        return True
    return bool(view.recent) and view.recent[0].at <= candidate.known_since + _SAME_PAST
