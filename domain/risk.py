"""The review before every buy: today's losses and trades against the rules' limits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final, Literal

from domain.clock import in_seoul
from domain.errors import BooksRefusedError
from domain.event import EventLevel
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import NO_SHARES, NO_WON, Quantity, Rate, Won, notional
from domain.order import OrderIntent
from domain.rules import RiskRules
from domain.session import SessionPlan

DECISION_HOLDS: Final = timedelta(seconds=10)
"""Real time from the last check of a stock to the permit to buy it; after that the worker scans again."""


class Denial(StrEnum):
    """Why Haru itself does not buy."""

    KILL_SWITCH_ON = "KILL_SWITCH_ON"
    ENTRIES_CLOSED = "ENTRIES_CLOSED"
    OUTSIDE_ENTRY_HOURS = "OUTSIDE_ENTRY_HOURS"
    WORKER_LOSS_LIMIT_REACHED = "WORKER_LOSS_LIMIT_REACHED"
    FLEET_LOSS_LIMIT_REACHED = "FLEET_LOSS_LIMIT_REACHED"
    OPEN_RISK_EXCEEDED = "OPEN_RISK_EXCEEDED"
    TRADE_COUNT_REACHED = "TRADE_COUNT_REACHED"
    PROFIT_GIVEN_BACK = "PROFIT_GIVEN_BACK"
    COOLING_DOWN = "COOLING_DOWN"
    LOSING_STREAK = "LOSING_STREAK"
    SYMBOL_COOLING_DOWN = "SYMBOL_COOLING_DOWN"
    CAPITAL_EXCEEDED = "CAPITAL_EXCEEDED"
    BUYING_POWER_RESERVED = "BUYING_POWER_RESERVED"
    UNSELLABLE_BY_CLOSE = "UNSELLABLE_BY_CLOSE"
    PRICES_TOO_OLD = "PRICES_TOO_OLD"
    LEASE_LOST = "LEASE_LOST"
    DECISION_TOO_OLD = "DECISION_TOO_OLD"
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
    DANGER_NOT_ACCEPTED = "DANGER_NOT_ACCEPTED"
    LIVE_NOT_CONFIRMED = "LIVE_NOT_CONFIRMED"


_WORTH_TELLING: Final = frozenset(
    {
        *(Denial.WORKER_LOSS_LIMIT_REACHED, Denial.FLEET_LOSS_LIMIT_REACHED, Denial.PROFIT_GIVEN_BACK),
        *(Denial.LOSING_STREAK, Denial.DANGER_NOT_ACCEPTED, Denial.LIVE_NOT_CONFIRMED, Denial.PRICES_TOO_OLD),
    }
)


def level_of(denial: Denial) -> EventLevel:
    """Return the level of a denial: a warning for limits that were hit, info for the ordinary course of a day."""
    return EventLevel.WARNING if denial in _WORTH_TELLING else EventLevel.INFO


@dataclass(frozen=True, slots=True)
class RiskSnapshot:
    """The ledger's state of an account and one worker in a session. PnL is net, in won; market time (UTC)."""

    account_id: AccountId
    worker_id: WorkerId
    kill_switch_on: bool
    entries_closed_because: str
    worker_pnl: Won
    fleet_pnl: Won
    worker_trades: int
    last_loss_at: datetime | None
    fleet_peak_pnl: Won = NO_WON
    """The maximum of the fleet's net result in the session, trade by trade; at least 0."""
    worker_losses_in_a_row: int = 0
    """How many of the worker's latest trades in the session lost, without a gain between."""
    symbols_cooling_down: frozenset[Symbol] = frozenset()
    fleet_at_stake: Won = NO_WON
    """The fleet's loss beside its result if every open position and working buy ends at its stop loss, before costs.

    It includes the worker's own buy once that is an intent.
    """
    held_by_others: int = 0
    """Stocks that the account's other workers hold or are buying."""
    stream_is_live: bool = False
    """Whether a process holds the stream and has an open session."""


@dataclass(frozen=True, slots=True)
class EntryProposal:
    """A proposed buy: amount in won, at a market instant (UTC)."""

    symbol: Symbol
    quantity: Quantity
    amount: Won
    at: datetime
    lease_held: bool = True
    """Whether the symbol's lease is ours and live; the caller provides it, because it needs a real-time clock."""
    sellable: Quantity | None = None
    """How many shares could be sold by the close, judged by volume; None if this was checked before."""
    decided_ago: timedelta = timedelta(0)
    """Real time since the stock's price, flags and strategy were checked."""
    at_stake: Won = NO_WON
    """The buy's loss at its stop loss; 0 if the snapshot includes it already."""
    power: Won | None = None
    """The buying power for shares at the broker, without fees; None if it was checked before."""
    reserved: Won = NO_WON
    """The part of the buying power used by other buys that the broker's answer does not include."""


def proposal_of(intent: OrderIntent) -> EntryProposal:
    """Return what the risk review needs to know of a buy."""
    price = intent.limit_price or intent.decision_price
    return EntryProposal(intent.symbol, intent.quantity, notional(price, intent.quantity), intent.decided_at)


@dataclass(frozen=True, slots=True)
class Approved:
    """The buy may be sent."""

    kind: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class Denied:
    """The buy may not be sent; ``detail`` carries the numbers."""

    denial: Denial
    detail: str
    kind: Literal["denied"] = "denied"


Review = Approved | Denied


class EntryDeniedError(BooksRefusedError):
    """A buy was denied while it was recorded; ``verdict`` contains the reason."""

    def __init__(self, verdict: Denied) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Spending:
    """Buying power requested at a real instant (database clock), before the broker answered.

    ``review`` receives the won used by other buys that the answer does not include; it must be quick and pure.
    ``attempt`` is the number of the attempt that decides; the buy is not recorded once a later one has begun.
    """

    asked_at: datetime
    review: Callable[[Won], Review]
    attempt: int = 1


_NO_STOCK: Final = Symbol("")
LOSS_WITHOUT_A_STOP: Final = Rate("0.30")
"""Share of its price that a position without a stop loss can lose in a session: KRX's daily price limit."""


@dataclass(frozen=True, slots=True)
class _Case:
    proposal: EntryProposal
    snapshot: RiskSnapshot
    rules: RiskRules
    plan: SessionPlan


def _kill_switch(case: _Case) -> str | None:
    return "the kill switch is on" if case.snapshot.kill_switch_on else None


def _lease(case: _Case) -> str | None:
    return None if case.proposal.lease_held else f"the lease on {case.proposal.symbol} was lost"


def _entries_closed(case: _Case) -> str | None:
    return case.snapshot.entries_closed_because or None


def _entry_hours(case: _Case) -> str | None:
    if case.plan.entries_allowed_at(case.proposal.at):
        return None
    opens, until = in_seoul(case.plan.session.opens_at), in_seoul(case.plan.entries_until)
    return f"{in_seoul(case.proposal.at):%m-%d %H:%M:%S} is outside {opens:%m-%d %H:%M} to {until:%H:%M} (KST)"


def _fleet_loss(case: _Case) -> str | None:
    return _loss(case.snapshot.fleet_pnl, case.rules.fleet_daily_loss)


def _open_risk(case: _Case) -> str | None:
    pnl, limit = case.snapshot.fleet_pnl, case.rules.fleet_daily_loss
    at_stake = Won(case.snapshot.fleet_at_stake + case.proposal.at_stake)
    if pnl - at_stake >= -limit:
        return None
    return (
        f"PnL {pnl:,} won and a loss of {at_stake:,} won if every open position reaches its stop "
        f"exceed the limit of -{limit:,}"
    )


def _worker_loss(case: _Case) -> str | None:
    return _loss(case.snapshot.worker_pnl, case.rules.worker_daily_loss)


def _loss(pnl: Won, limit: Won) -> str | None:
    return f"PnL {pnl:,} won reaches the limit of -{limit:,}" if pnl <= -limit else None


def _trade_count(case: _Case) -> str | None:
    done, most = case.snapshot.worker_trades, case.rules.trades_per_worker
    return f"{done} of {most} trades done" if done >= most else None


def _give_back(case: _Case) -> str | None:
    floor, peak = profit_floor(case.snapshot, case.rules), case.snapshot.fleet_peak_pnl
    if floor is None or case.snapshot.fleet_pnl > floor:
        return None
    return f"the day's profit fell from {peak:,} to {case.snapshot.fleet_pnl:,} won, at or below {floor:,}"


def profit_floor(snapshot: RiskSnapshot, rules: RiskRules) -> Won | None:
    """Return the fleet's result (won) at which give-back ends entries; None if there is no such limit now."""
    if rules.give_back_from <= 0 or snapshot.fleet_peak_pnl < rules.give_back_from:
        return None
    return Won(int(snapshot.fleet_peak_pnl * (1 - rules.give_back_share)))


def _losing_streak(case: _Case) -> str | None:
    lost, most = case.snapshot.worker_losses_in_a_row, case.rules.losses_in_a_row
    lost_at, pause = case.snapshot.last_loss_at, case.rules.cooldown_after_streak
    if not most or lost < most or lost_at is None or case.proposal.at - lost_at >= pause:
        return None
    return f"{lost} losses in a row, the last at {in_seoul(lost_at):%H:%M:%S} KST, pause {pause}"


def _cooldown(case: _Case) -> str | None:
    lost_at, pause = case.snapshot.last_loss_at, case.rules.cooldown_after_loss
    if lost_at is None or case.proposal.at - lost_at >= pause:
        return None
    return f"last loss at {in_seoul(lost_at):%H:%M:%S} KST, pause {pause}"


def _symbol_cooldown(case: _Case) -> str | None:
    return (
        f"{case.proposal.symbol} is cooling down"
        if case.proposal.symbol in case.snapshot.symbols_cooling_down
        else None
    )


def _capital(case: _Case) -> str | None:
    amount, limit = case.proposal.amount, case.rules.capital_per_trade
    return f"{amount:,} won exceeds {limit:,}" if amount > limit else None


def _buying_power(case: _Case) -> str | None:
    amount, power, reserved = case.proposal.amount, case.proposal.power, case.proposal.reserved
    if power is None or amount + reserved <= power:
        return None
    return f"{amount:,} won and {reserved:,} won of other buys exceed the buying power of {power:,}"


def _sellable(case: _Case) -> str | None:
    quantity, sellable = case.proposal.quantity, case.proposal.sellable
    if sellable is None or quantity <= sellable:
        return None
    return f"low volume: only {sellable:,} of {quantity:,} shares could be sold by the close"


def _decision_age(case: _Case) -> str | None:
    age = case.proposal.decided_ago
    return f"decided {age.total_seconds():.0f} s before it could be sent" if age > DECISION_HOLDS else None


CHECKS: Final[tuple[tuple[Denial, Callable[[_Case], str | None]], ...]] = (
    (Denial.KILL_SWITCH_ON, _kill_switch),
    (Denial.LEASE_LOST, _lease),
    (Denial.ENTRIES_CLOSED, _entries_closed),
    (Denial.OUTSIDE_ENTRY_HOURS, _entry_hours),
    (Denial.FLEET_LOSS_LIMIT_REACHED, _fleet_loss),
    (Denial.WORKER_LOSS_LIMIT_REACHED, _worker_loss),
    (Denial.OPEN_RISK_EXCEEDED, _open_risk),
    (Denial.TRADE_COUNT_REACHED, _trade_count),
    (Denial.PROFIT_GIVEN_BACK, _give_back),
    (Denial.LOSING_STREAK, _losing_streak),
    (Denial.COOLING_DOWN, _cooldown),
    (Denial.SYMBOL_COOLING_DOWN, _symbol_cooldown),
    (Denial.CAPITAL_EXCEEDED, _capital),
    (Denial.BUYING_POWER_RESERVED, _buying_power),
    (Denial.UNSELLABLE_BY_CLOSE, _sellable),
    (Denial.DECISION_TOO_OLD, _decision_age),
)
"""Every check in its order; the first objection names the denial."""


def lost_at_stop(amount: Won, stop_loss: Rate) -> Won:
    """Return the loss of a buy of ``amount`` won at its stop loss; a stop of 0 is off."""
    return Won(ceil(amount * (stop_loss or LOSS_WITHOUT_A_STOP)))


def review(proposal: EntryProposal, snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan) -> Review:
    """Approve a buy, or deny it by the first check that objects. Exits are never reviewed."""
    case = _Case(proposal, snapshot, rules, plan)
    for denial, objection_to in CHECKS:
        objection = objection_to(case)
        if objection is not None:
            return Denied(denial, objection)
    return Approved()


def standing_denial(snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan, at: datetime) -> Denied | None:
    """Return why no stock may be bought at a market instant, or None when a buy may be proposed."""
    verdict = review(EntryProposal(_NO_STOCK, NO_SHARES, NO_WON, at), snapshot, rules, plan)
    return verdict if isinstance(verdict, Denied) else None
