"""From candidates to a written decision to buy: lock, size, review, record; the next candidate at once if one fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from temporalio import activity

from activities.heart import Heart
from activities.quote_feed import QuoteFeed
from domain.close_plan import sellable_quantity, traded_per_minute
from domain.costs import cost_rates
from domain.errors import BrokerRefusedError
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lane import Lane
from domain.lock import LEASE_DURATION, Lease
from domain.market import InstrumentStatus, Quote, QuoteProblem, Side, Symbol, problem_with
from domain.money import NO_SHARES, Quantity, Rate, notional
from domain.order import OrderIntent, OrderPurpose, OrderType
from domain.position import PositionOpening, StrategyStamp
from domain.pricing import entry_limit
from domain.risk import Denied, EntryProposal, review
from domain.rules import TradingRules
from domain.screening import Candidate, spread_is_wide
from domain.session import SessionPlan
from domain.sizing import size_entry
from strategies import strategies_named

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Broker
    from database.database import Database


_ONE_SHARE: Final = Quantity(1)


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """The candidates of a scan, best first, and the key under which the order will be known."""

    account_id: AccountId
    worker_id: WorkerId
    intent_id: IntentId
    candidates: tuple[Candidate, ...]
    rules: TradingRules
    plan: SessionPlan


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """A buy that is written down and may now be sent; ``description`` is for people."""

    intent_id: IntentId
    position_id: PositionId
    symbol: Symbol
    name: str
    quantity: Quantity
    description: str
    lease: Lease
    kind: Literal["prepared"] = "prepared"


@dataclass(frozen=True, slots=True)
class NoEntry:
    """No candidate became an order, and why, one line each."""

    reasons: tuple[str, ...]
    kind: Literal["no_entry"] = "no_entry"


EntryDecision = PreparedEntry | NoEntry


class EntryActivities:
    """Turns the best candidate that can be locked, afforded and approved into an order intent."""

    def __init__(self, feed: QuoteFeed, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._feed = feed
        self._broker = broker
        self._database = database
        self._pace = pace
        self._commission = commission

    @activity.defn
    async def prepare_entry(self, request: EntryRequest) -> EntryDecision:
        """Try the candidates in order; a lost lock or a refusal moves on to the next one at once."""
        already = await self._database.orders.get(request.intent_id)
        if already is not None:
            return await self._prepared_before(request, already.intent)
        reasons: list[str] = []
        async with Heart() as heart:
            for candidate in request.candidates:
                heart.progress()
                prepared = await self._try(candidate, request, reasons)
                if prepared is not None:
                    return prepared
        return NoEntry(tuple(reasons))

    async def _try(self, candidate: Candidate, request: EntryRequest, reasons: list[str]) -> PreparedEntry | None:
        lease = await self._database.locks.acquire(
            request.account_id, candidate.symbol, request.worker_id, LEASE_DURATION
        )
        if not isinstance(lease, Lease):
            reasons.append(f"{candidate.symbol}: lock lost")
            activity.logger.info("lock_contended", extra={"symbol": candidate.symbol})
            return None
        outcome = await self._decide(candidate, request, lease)
        if isinstance(outcome, PreparedEntry):
            return outcome
        reasons.append(f"{candidate.symbol}: {outcome}")
        await self._database.locks.release(lease)
        return None

    async def _decide(self, candidate: Candidate, request: EntryRequest, lease: Lease) -> PreparedEntry | str:
        rules = request.rules
        quote = await self._fresh_quote(candidate.symbol, rules)
        if isinstance(quote, str):
            return quote
        status = await self._feed.status(candidate.symbol, self._pace.clock.market_duration(LEASE_DURATION), Lane.ENTRY)
        if status.flags:
            return "flagged " + ", ".join(sorted(status.flags))
        quote = await self._with_book(quote, rules)
        if isinstance(quote, str):
            return quote
        sellable = self._sellable(quote, request.plan)
        intent = await self._intent(candidate, quote, request, lease)
        if isinstance(intent, str):
            return intent
        intent = replace(intent, quantity=min(intent.quantity, max(sellable, _ONE_SHARE)))
        denied = await self._review(intent, request, sellable)
        if denied is not None:
            return f"{denied.denial}: {denied.detail}"
        await self._database.orders.record_entry(intent, _opening(candidate, status, intent, rules))
        return _prepared(intent, candidate.name, lease)

    async def _fresh_quote(self, symbol: Symbol, rules: TradingRules) -> Quote | str:
        age = self._pace.clock.market_duration(rules.execution.greatest_quote_age)
        quotes = await self._feed.quotes([symbol], age, Lane.ENTRY)
        quote = quotes.get(symbol)
        if quote is None:
            return "no quote"
        if quote.unreadable:
            return f"quote unreadable: {', '.join(quote.unreadable)}"
        if not quote.volume:
            return "nothing has traded today: the session may open late"
        problem = problem_with(quote, self._pace.now(), age)
        return quote if problem is None else f"quote {problem}"

    async def _with_book(self, quote: Quote, rules: TradingRules) -> Quote | str:
        """Look at the spread again, in the order book where the quote cannot show it: a scan lets that pass unseen."""
        try:
            seen = await self._feed.seen_in_book(quote, Lane.ENTRY)
        except BrokerRefusedError as refusal:
            return f"order book refused, {refusal}"
        if spread_is_wide(seen, rules.screening):
            return f"spread too wide: bid {seen.bid:,}, ask {seen.ask:,}"
        crossed = 0 < seen.ask < seen.bid
        return f"quote {QuoteProblem.CROSSED}" if crossed else seen

    def _sellable(self, quote: Quote, plan: SessionPlan) -> Quantity:
        """Return how many shares of what is bought now could be sold by the close."""
        now, recent = self._pace.now(), self._feed.view_of(quote).recent
        traded = traded_per_minute(recent, quote.volume, plan.session, now)
        return NO_SHARES if traded is None else sellable_quantity(plan.session, now, traded)

    async def _intent(
        self, candidate: Candidate, quote: Quote, request: EntryRequest, lease: Lease
    ) -> OrderIntent | str:
        limit = entry_limit(quote, request.rules.execution)
        try:
            power = await self._broker.buying_power(candidate.symbol, limit, Lane.ENTRY)
        except BrokerRefusedError as refusal:
            return f"buying power refused, {refusal}"
        rates = cost_rates(request.plan.session.date, self._commission)
        quantity = size_entry(limit, power.quantity, power.cash, request.rules.risk, rates)
        if not quantity:
            return "no share affordable"
        return OrderIntent(
            intent_id=request.intent_id,
            account_id=request.account_id,
            worker_id=request.worker_id,
            position_id=PositionId(request.intent_id),
            session_date=request.plan.session.date,
            symbol=candidate.symbol,
            side=Side.BUY,
            quantity=quantity,
            order_type=OrderType.LIMIT,
            limit_price=limit,
            purpose=OrderPurpose.ENTRY,
            reason=candidate.reason,
            fencing_token=lease.fencing_token,
            decision_price=quote.price,
            decided_at=self._pace.now(),
        )

    async def _review(self, intent: OrderIntent, request: EntryRequest, sellable: Quantity) -> Denied | None:
        snapshot = await self._database.risk.snapshot(
            request.account_id, request.worker_id, request.plan.session.date, self._pace.now()
        )
        proposal = replace(proposal_of(intent), sellable=sellable)
        verdict = review(proposal, snapshot, request.rules.risk, request.plan)
        if not isinstance(verdict, Denied):
            return None
        await self._database.risk.record_denial(intent, verdict)
        return verdict

    async def _prepared_before(self, request: EntryRequest, intent: OrderIntent) -> EntryDecision:
        lease = await self._database.locks.acquire(request.account_id, intent.symbol, request.worker_id, LEASE_DURATION)
        if not isinstance(lease, Lease):
            return NoEntry((f"{intent.symbol}: lock lost after the order was prepared",))
        return _prepared(intent, _name_of(intent.symbol, request.candidates), lease)


def proposal_of(intent: OrderIntent) -> EntryProposal:
    """Return what the risk review must know of a buy."""
    price = intent.limit_price or intent.decision_price
    return EntryProposal(intent.symbol, intent.quantity, notional(price, intent.quantity), intent.decided_at)


def _name_of(symbol: Symbol, candidates: Sequence[Candidate]) -> str:
    return next((candidate.name for candidate in candidates if candidate.symbol == symbol), symbol)


def _prepared(intent: OrderIntent, name: str, lease: Lease) -> PreparedEntry:
    return PreparedEntry(
        intent_id=intent.intent_id,
        position_id=intent.position_id,
        symbol=intent.symbol,
        name=name,
        quantity=intent.quantity,
        description=f"BUY {intent.symbol} {name} ×{intent.quantity:,} ≤ {intent.limit_price:,} won",
        lease=lease,
    )


def _opening(
    candidate: Candidate, status: InstrumentStatus, intent: OrderIntent, rules: TradingRules
) -> PositionOpening:
    (strategy,) = strategies_named([candidate.strategy])
    stamp = StrategyStamp(
        candidate.strategy, candidate.strategy_version, strategy.parameters(rules.strategy), candidate.reason
    )
    return PositionOpening(
        position_id=intent.position_id,
        account_id=intent.account_id,
        worker_id=intent.worker_id,
        session_date=intent.session_date,
        symbol=intent.symbol,
        name=candidate.name,
        market=status.market,
        decision_price=intent.decision_price,
        strategy=stamp,
        exit_rules=rules.exits,
        rules_version=rules.version,
    )
