"""The three books of one session as plain values, read once and never written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from database.audit import (
    Acquisition,
    AuditedOrder,
    BookedFill,
    BookedPosition,
    Lapse,
    RecordedEvent,
    SoldLater,
)
from database.host_limits import BookedResult, RecordedLimits
from domain.audit_log import Anchor, AuditLog
from domain.clock import MarketClock
from domain.costs import Costs
from domain.identity import IntentId, PositionId, WorkerId
from domain.market import Market, Side, Symbol
from domain.money import Price, Quantity, Rate, Won
from domain.position import ClosedTrade
from domain.session import SessionDate, SessionPlan
from domain.summary import DailySummary


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """Shares traded at one price (won) at a market instant (UTC)."""

    at: datetime
    price: Price
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class BrokerRow:
    """One row of the broker's order list. ``by_hand``: the account's owner placed the order manually."""

    day: date
    number: str
    symbol: Symbol
    side: Side
    quantity: Quantity
    placed_at: datetime
    filled: Quantity = Quantity(0)
    amount: Won = Won(0)
    remaining: Quantity = Quantity(0)
    costs: Costs = field(default_factory=Costs)
    fills: tuple[BrokerFill, ...] = ()
    original: str = ""
    by_hand: bool = False
    is_new: bool = True
    hidden: int = 0
    """Maximum of its filled shares that the broker's list omitted for a while. Only a simulator knows it."""
    market: Market | None = None
    """The board on which its stock is listed. Only a simulator lists it."""

    @property
    def flow(self) -> int:
        """Return the effect of the order's fills on the account's cash, in won."""
        return (self.amount if self.side is Side.SELL else -self.amount) - self.costs.total


@dataclass(frozen=True, slots=True)
class BrokerBook:
    """The broker's records of the account: the orders of all days, and current holdings and cash."""

    orders: tuple[BrokerRow, ...] = ()
    holdings: Mapping[Symbol, Quantity] = field(default_factory=dict)
    opening_cash: Won | None = None
    """None if the broker does not report the account's opening cash; then cash is not compared."""
    cash: Won = Won(0)
    in_doubt: frozenset[Symbol] = frozenset()
    """Stocks for which the broker's lists are unreadable. They are not compared."""
    owned_before: Mapping[Symbol, Quantity] = field(default_factory=dict)
    """The owner's holdings before the first of ``orders``; empty if these cover all days."""
    shows_holdings: bool = True
    """False if no record has the account's holdings at the end of a past session. They are not compared."""

    @property
    def lists_all_days(self) -> bool:
        """Return whether ``orders`` cover the account's whole history. Only the simulator's do."""
        return self.opening_cash is not None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Our own books of the session."""

    orders: tuple[AuditedOrder, ...] = ()
    fills: tuple[BookedFill, ...] = ()
    positions: tuple[BookedPosition, ...] = ()
    trades: tuple[ClosedTrade, ...] = ()
    summaries: tuple[DailySummary, ...] = ()
    events: tuple[RecordedEvent, ...] = ()
    acquisitions: tuple[Acquisition, ...] = ()
    lapses: tuple[Lapse, ...] = ()
    entries_closed_at: datetime | None = None
    """Real time."""
    sold_by_others_before: Mapping[Symbol, Quantity] = field(default_factory=dict)
    """Shares of ours that the owner had sold, as booked on earlier dates."""
    sold_later: Mapping[PositionId, SoldLater] = field(default_factory=dict)
    """Shares of the session's buys that were booked late and sold on later dates."""
    host_limits: Mapping[int, RecordedLimits] = field(default_factory=dict)
    """The host limits that the session's buys refer to, by number."""
    limits_since: datetime | None = None
    """Since when (real time) hosts of the account record their limits."""
    results: tuple[BookedResult, ...] = ()
    stops: Mapping[PositionId, Rate] = field(default_factory=dict)
    """The stop loss under which each position was opened; 0: none."""


@dataclass(frozen=True, slots=True)
class Submit:
    """An intent passed to the only activity that sends orders, according to a history; real time."""

    intent_id: IntentId
    workflow_id: str
    at: datetime
    attempts: int = 1
    accepted: str = ""
    """The broker's number of the accepted order, from the activity's result."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch on a position from a history, in real time. ``until`` is None while it continues."""

    position_id: PositionId
    symbol: Symbol
    since: datetime
    until: datetime | None = None
    signalled: bool = False
    """Whether it ended with an exit signal."""


@dataclass(frozen=True, slots=True)
class SaleCommand:
    """A command to sell that a worker's workflow accepted, in real time."""

    worker_id: WorkerId
    command: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Histories:
    """Data from the session's runs. Without a run, missing data proves nothing."""

    submits: tuple[Submit, ...] = ()
    watches: tuple[Watch, ...] = ()
    commands: tuple[SaleCommand, ...] = ()
    runs: int = 0
    unreadable: tuple[str, ...] = ()
    """Ids of workflows with unreadable events. No conclusions are drawn from these events."""

    def between(self, since: datetime, until: datetime) -> "Histories":
        """Return the data between two real instants: runs are longer than a session."""
        return replace(
            self,
            submits=tuple(each for each in self.submits if since <= each.at < until),
            watches=tuple(each for each in self.watches if each.since < until and (each.until or until) > since),
            commands=tuple(each for each in self.commands if since <= each.at < until),
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """The account's audit log, and from outside the database: the key of its seals, and the last row observed."""

    log: AuditLog
    key: bytes | None = field(default=None, repr=False)
    seen: Anchor | None = None


@dataclass(frozen=True)
class Books:
    """One session in its three books. ``read_at`` and fields that say so are real time, the rest market time (UTC)."""

    plan: SessionPlan
    clock: MarketClock
    read_at: datetime
    broker: BrokerBook = field(default_factory=BrokerBook)
    ledger: Ledger = field(default_factory=Ledger)
    histories: Histories = field(default_factory=Histories)
    audit: Audit | None = None
    longest_unwatched: timedelta = timedelta(seconds=30)

    @property
    def date(self) -> SessionDate:
        """Return the KST date of the session."""
        return self.plan.session.date

    @property
    def is_over(self) -> bool:
        """Return whether the session had ended, with a short margin, when the books were read."""
        return self.clock.market_time(self.read_at - timedelta(seconds=2)) >= self.plan.session.ends_at

    @cached_property
    def new_rows(self) -> tuple[BrokerRow, ...]:
        """Return the session's orders at the broker, without amendments and cancellations."""
        return tuple(row for row in self.broker.orders if row.is_new and row.day == self.date)

    @cached_property
    def bound(self) -> Mapping[str, AuditedOrder]:
        """Return our orders by the broker's number."""
        return {order.record.ref.number: order for order in self.ledger.orders if order.record.ref is not None}

    @cached_property
    def row_of(self) -> Mapping[str, BrokerRow]:
        """Return the session's orders at the broker by number."""
        return {row.number: row for row in self.new_rows}

    @cached_property
    def markets(self) -> Mapping[PositionId, Market]:
        """Return the board on which each position's stock is listed."""
        return {position.position_id: position.market for position in self.ledger.positions}

    @cached_property
    def traded_by_hand(self) -> frozenset[Symbol]:
        """Return the symbols that the account's owner traded in the session."""
        return frozenset(row.symbol for row in self.new_rows if row.by_hand)


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of an invariant, with its evidence."""

    invariant: str
    what: str
    evidence: str
