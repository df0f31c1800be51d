"""From candidates to a recorded buy intent: lock, size, review, record; on failure try the next candidate at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from temporalio import activity

from activities.market.last_look import LastLook, NotBought, Seen
from activities.market.left_out import STOCK_FAULTS, LeftOut, OnlyOne
from activities.market.quote_feed import QuoteFeed
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.recorder import DayRecorder
from domain.close_plan import sellable_quantity, traded_per_minute
from domain.costs import cost_rates
from domain.errors import BooksRefusedError, BrokerRefusedError, TryAgainError
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lane import Lane
from domain.lock import LEASE_DURATION, EntryAttempt, Lease
from domain.market import Quote, Side, Symbol
from domain.money import NO_SHARES, NO_WON, Quantity, Rate, Won
from domain.order import OrderIntent, OrderPurpose, OrderRecord, OrderType
from domain.position import PositionOpening, StrategyStamp
from domain.pricing import entry_limit, size_entry
from domain.risk import Denied, EntryDeniedError, EntryProposal, Review, Spending, lost_at_stop, proposal_of
from domain.rules import TradingRules
from domain.screening import Candidate
from domain.session import SessionPlan

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from broker.protocol import Broker, BuyingPower
    from database.database import Database


_OFFER_HOLDS: Final = timedelta(seconds=60)
"""Real time from a scan for which its offer counts. Price, flags and strategy are checked again in any case."""
_ONE_SHARE: Final = Quantity(1)


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """Candidates of a scan, best first, and the intent id of the order."""

    account_id: AccountId
    worker_id: WorkerId
    intent_id: IntentId
    candidates: tuple[Candidate, ...]
    rules: TradingRules
    plan: SessionPlan
    scanned_at: datetime | None = None
    """Market time of the scan of an offer; None for a scan whose result the worker awaited."""


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """A recorded buy that may now be sent; ``description`` is for display."""

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
    """No candidate became an order; one reason per line."""

    reasons: tuple[str, ...]
    kind: Literal["no_entry"] = "no_entry"


EntryDecision = PreparedEntry | NoEntry


@dataclass(frozen=True, slots=True)
class _Asked:
    """Won that the broker lets us spend, and the real instant (database clock) before the query."""

    cash: Won
    at: datetime


class EntryActivities:
    """Turns the first candidate that can be locked, afforded and approved into an order intent."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        feed: QuoteFeed,
        broker: "Broker",
        database: "Database",
        pace: "Pace",
        commission: Rate,
        *,
        guard: "StrategyGuard",
        host: HostGate | None = None,
        recorder: DayRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._feed = feed
        self._host = host or HostGate()
        self._guard = guard
        self._last_look = LastLook(feed, guard, pace)
        self._left_out = LeftOut(database, pace)
        self._broker = broker
        self._database = database
        self._pace = pace
        self._commission = commission

    @activity.defn
    async def prepare_entry(self, request: EntryRequest) -> EntryDecision:
        """Try the candidates in order; a lost lock or a refusal moves on to the next one at once.

        Selection and price follow the stricter of the worker's rules and the host's. A repeated attempt first shuts out
        the earlier ones, whose process may have been stopped and go on; those raise ``OvertakenError``.
        """
        await self._database.entry_attempts.begin(request.account_id, attempt_at(request))
        already = await self._database.orders.get(request.intent_id)
        if already is not None:
            return await self._prepared_before(request, already)
        reasons, only_one = list[str](), OnlyOne()
        async with Heart() as heart:
            for candidate in request.candidates:
                heart.progress()
                try:
                    outcome = await self._try(candidate, request)
                except TryAgainError as fault:
                    only_one.bear(candidate.symbol, fault)
                    outcome = NotBought(str(fault))
                if isinstance(outcome, PreparedEntry):
                    return outcome
                reasons.append(f"{candidate.symbol}: {outcome.reason}")
                if self._recorder is not None:
                    self._recorder.not_bought(candidate.symbol, self._pace.now(), outcome.reason)
        return NoEntry(tuple(reasons))

    async def _try(self, candidate: Candidate, request: EntryRequest) -> PreparedEntry | NotBought:
        """Lock the stock and decide; release it unless the buy is recorded."""
        attempt, about = attempt_at(request), (request.account_id, candidate.symbol, request.worker_id)
        lease = await self._database.locks.acquire(*about, LEASE_DURATION, attempt)
        if not isinstance(lease, Lease):
            activity.logger.info("lock_contended", extra={"symbol": candidate.symbol})
            return NotBought("lock lost")
        try:
            outcome = self._too_late(request) or await self._decided(candidate, request, lease)
        except TryAgainError:
            await self._database.locks.give_back(lease, attempt)
            raise
        if isinstance(outcome, NotBought):
            await self._database.locks.give_back(lease, attempt)
        return outcome

    def _too_late(self, request: EntryRequest) -> NotBought | None:
        """Return why an offer is too old. Ask with the lock: its release then stops an earlier, slower attempt."""
        scanned_ago = self._pace.now() - (request.scanned_at or self._pace.now())
        if scanned_ago > self._pace.clock.market_duration(_OFFER_HOLDS):
            return NotBought(f"offered too late: scanned {scanned_ago.total_seconds():,.0f} s ago")
        return None

    async def _decided(self, candidate: Candidate, request: EntryRequest, lease: Lease) -> PreparedEntry | NotBought:
        """Decide on a candidate; a refusal by the broker or our books for one stock skips only that stock."""
        try:
            return await self._decide(candidate, request, lease)
        except STOCK_FAULTS as fault:
            await self._left_out.report(request.account_id, candidate.symbol, fault)
            return NotBought(f"left out, {fault}")
        except BooksRefusedError as refusal:
            activity.logger.warning("entry_not_recorded", extra={"symbol": candidate.symbol, "cause": str(refusal)})
            return NotBought(f"not recorded, {refusal}")

    async def _decide(self, candidate: Candidate, request: EntryRequest, lease: Lease) -> PreparedEntry | NotBought:
        """Query buying power, check the candidate again, and record the intent at once."""
        asked_at = await self._database.server.now()
        rules = self._host.capped(request.rules)
        power = await self._power(candidate.symbol, rules)
        if isinstance(power, NotBought):
            return power
        seen = await self._last_look.look(candidate, rules, request.account_id)
        if isinstance(seen, NotBought):
            return seen
        intent = self._intent(seen, power, request, lease)
        if isinstance(intent, NotBought):
            return intent
        return await self._recorded(intent, seen, request, lease, _Asked(power.cash, asked_at))

    async def _power(self, symbol: Symbol, rules: TradingRules) -> "BuyingPower | NotBought":
        quote = await self._last_look.fresh_quote(symbol, rules, rules.execution.greatest_quote_age)
        if isinstance(quote, NotBought):
            return quote
        try:
            return await self._broker.buying_power(symbol, entry_limit(quote, rules.execution), Lane.ENTRY)
        except BrokerRefusedError as refusal:
            return NotBought(f"buying power refused, {refusal}")

    async def _recorded(
        self, intent: OrderIntent, seen: Seen, request: EntryRequest, lease: Lease, asked: _Asked
    ) -> PreparedEntry | NotBought:
        opening = await self._opening(seen, intent, request.rules)
        if isinstance(opening, NotBought):
            return opening
        sellable = self._sellable(seen.quote, request.plan)
        intent = replace(intent, quantity=min(intent.quantity, max(sellable, _ONE_SHARE)))
        stake = lost_at_stop(proposal_of(intent).amount, request.rules.exits.stop_loss)
        spendable = self._spendable(asked.cash, request.plan)
        proposal = replace(proposal_of(intent), sellable=sellable, at_stake=stake, power=spendable)
        denied = await self._written(intent, opening, proposal, request, asked.at)
        if denied is not None:
            return NotBought(f"{denied.denial}: {denied.detail}")
        return prepared_entry(intent, opening.name, lease)

    def _spendable(self, cash: Won, plan: SessionPlan) -> Won:
        """Return the part of the buying power that is left for shares after the commission."""
        rates = cost_rates(plan.session.date, self._commission)
        return Won(int(cash / (1 + rates.commission)))

    def _sellable(self, quote: Quote, plan: SessionPlan) -> Quantity:
        """Return how many of the shares bought now could be sold by the close."""
        now, recent = self._pace.now(), self._feed.view_of(quote).recent
        traded = traded_per_minute(recent, quote.volume, plan.session, now)
        return NO_SHARES if traded is None else sellable_quantity(plan.session, now, traded)

    def _intent(self, seen: Seen, power: "BuyingPower", request: EntryRequest, lease: Lease) -> OrderIntent | NotBought:
        rules = self._host.capped(request.rules)
        limit = entry_limit(seen.quote, rules.execution)
        rates = cost_rates(request.plan.session.date, self._commission)
        quantity = size_entry(limit, power.quantity, power.cash, rules.risk, rates)
        if not quantity:
            return NotBought("no share affordable")
        return OrderIntent(
            intent_id=request.intent_id,
            account_id=request.account_id,
            worker_id=request.worker_id,
            position_id=PositionId(request.intent_id),
            session_date=request.plan.session.date,
            symbol=seen.candidate.symbol,
            side=Side.BUY,
            quantity=quantity,
            order_type=OrderType.LIMIT,
            limit_price=limit,
            purpose=OrderPurpose.ENTRY,
            reason=seen.candidate.reason,
            fencing_token=lease.fencing_token,
            decision_price=seen.quote.price,
            decided_at=self._pace.now(),
        )

    async def _opening(self, seen: Seen, intent: OrderIntent, rules: TradingRules) -> PositionOpening | NotBought:
        candidate = seen.candidate
        parameters = await self._guard.parameters(
            candidate.strategy, rules.strategy, candidate.symbol, intent.account_id
        )
        if parameters is None:
            return NotBought(f"no valid parameters from {candidate.strategy}")
        return PositionOpening(
            position_id=intent.position_id,
            account_id=intent.account_id,
            worker_id=intent.worker_id,
            session_date=intent.session_date,
            symbol=intent.symbol,
            name=candidate.name,
            market=seen.status.market,
            decision_price=intent.decision_price,
            strategy=StrategyStamp(
                candidate.strategy,
                candidate.strategy_version,
                parameters,
                candidate.reason,
                self._guard.standing.source_of(candidate.strategy),
            ),
            exit_rules=rules.exits,
            rules_version=rules.version,
        )

    async def _written(
        self,
        intent: OrderIntent,
        opening: PositionOpening,
        proposal: EntryProposal,
        request: EntryRequest,
        asked_at: datetime,
    ) -> Denied | None:
        """Review the buy and record it; its spending is reviewed while no other buy can be recorded."""
        snapshot = await self._database.risk.snapshot(
            intent.account_id, intent.worker_id, intent.session_date, self._pace.now()
        )

        def reviewed(reserved: Won) -> Review:
            spending = replace(proposal, reserved=reserved)
            return self._host.review(spending, snapshot, request.rules.risk, request.plan)

        verdict: Review = (
            self._host.objection_to(request.rules, self._broker.environment)
            or self._host.objection_to_one_more(self._host.capped(request.rules).execution, snapshot)
            or reviewed(NO_WON)
        )
        if not isinstance(verdict, Denied):
            try:
                spending = Spending(asked_at, reviewed, attempt_at(request).number)
                await self._database.orders.record_entry(intent, opening, spending, self._host.limits)
            except EntryDeniedError as denied:
                verdict = denied.verdict
            else:
                return None
        await self._database.risk.record_denial(intent, verdict)
        return verdict

    async def _prepared_before(self, request: EntryRequest, already: OrderRecord) -> EntryDecision:
        """Return what an earlier attempt prepared; without its lock, withdraw it, or the worker could not buy again."""
        intent = already.intent
        about = (request.account_id, intent.symbol, request.worker_id)
        lease = await self._database.locks.acquire(*about, LEASE_DURATION, attempt_at(request))
        if isinstance(lease, Lease):
            return prepared_entry(intent, name_of(intent.symbol, request.candidates), lease)
        is_ours = intent.worker_id == request.worker_id  # otherwise another worker has taken it over, and ends it
        if is_ours and await self._database.orders.withdraw(intent.intent_id):
            await self._database.positions.abandon(intent.position_id)
        return NoEntry((f"{intent.symbol}: lock lost after the order was prepared",))


def attempt_at(request: EntryRequest) -> EntryAttempt:
    """Return the running attempt at a buy."""
    return EntryAttempt(request.intent_id, activity.info().attempt)


def name_of(symbol: Symbol, candidates: Sequence[Candidate]) -> str:
    """Return a stock's name as its candidate has it."""
    return next((candidate.name for candidate in candidates if candidate.symbol == symbol), symbol)


def prepared_entry(intent: OrderIntent, name: str, lease: Lease) -> PreparedEntry:
    """Return a recorded buy as its workflow knows it."""
    return PreparedEntry(
        intent_id=intent.intent_id,
        position_id=intent.position_id,
        symbol=intent.symbol,
        name=name,
        quantity=intent.quantity,
        description=f"BUY {intent.symbol} {name} ×{intent.quantity:,} ≤ {intent.limit_price:,} won",
        lease=lease,
    )
