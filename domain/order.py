"""The life of an order: decided, sent at most once, then followed until it is proven over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from domain.errors import InvalidTransitionError
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.session import SessionDate


class OrderType(StrEnum):
    """How the price is set, and in which market of the day (KIS ``ORD_DVSN`` 00, 01, 06 and 41)."""

    LIMIT = "limit"
    MARKET = "market"
    POST_CLOSE = "post_close"  # at today's closing price, without a price of its own
    AFTER_MARKET = "after_market"  # a limit in the evening


class OrderStatus(StrEnum):
    """The status of an order; the comment names what may follow."""

    INTENDED = "intended"  # → sending, denied, never_placed; accepted, rejected, unknown if a permit was lost
    SENDING = "sending"  # → accepted, rejected, unknown, never_placed, quarantined
    UNKNOWN = "unknown"  # → accepted, rejected, never_placed, quarantined
    ACCEPTED = "accepted"  # → partially_filled, filled, cancelled, rejected
    PARTIALLY_FILLED = "partially_filled"  # → filled, cancelled
    FILLED = "filled"
    CANCELLED = "cancelled"  # → filled (a fill that crossed the cancel)
    REJECTED = "rejected"
    DENIED = "denied"
    NEVER_PLACED = "never_placed"  # → accepted (the order exists after all)
    QUARANTINED = "quarantined"  # → accepted, never_placed (an operator decides)


class OrderEvent(StrEnum):
    """What can happen to an order."""

    SEND = "send"
    DENY = "deny"
    ACCEPT = "accept"
    REJECT = "reject"
    LOSE_REPLY = "lose_reply"
    ADOPT = "adopt"
    READOPT = "readopt"
    PROVE_ABSENT = "prove_absent"
    QUARANTINE = "quarantine"
    FILL_PARTLY = "fill_partly"
    FILL = "fill"
    CANCEL = "cancel"


_S, _E = OrderStatus, OrderEvent
TRANSITIONS: Final[Mapping[tuple[OrderStatus, OrderEvent], OrderStatus]] = MappingProxyType(
    {
        (_S.INTENDED, _E.SEND): _S.SENDING,
        (_S.INTENDED, _E.DENY): _S.DENIED,
        (_S.INTENDED, _E.PROVE_ABSENT): _S.NEVER_PLACED,
        # A server that took over may have lost the permit: the broker's answer about the order counts all the same.
        (_S.INTENDED, _E.ACCEPT): _S.ACCEPTED,
        (_S.INTENDED, _E.REJECT): _S.REJECTED,
        (_S.INTENDED, _E.LOSE_REPLY): _S.UNKNOWN,
        (_S.SENDING, _E.ACCEPT): _S.ACCEPTED,
        (_S.SENDING, _E.REJECT): _S.REJECTED,
        (_S.SENDING, _E.LOSE_REPLY): _S.UNKNOWN,
        (_S.SENDING, _E.ADOPT): _S.ACCEPTED,
        (_S.SENDING, _E.PROVE_ABSENT): _S.NEVER_PLACED,
        (_S.SENDING, _E.QUARANTINE): _S.QUARANTINED,
        (_S.UNKNOWN, _E.ADOPT): _S.ACCEPTED,
        (_S.UNKNOWN, _E.PROVE_ABSENT): _S.NEVER_PLACED,
        (_S.UNKNOWN, _E.QUARANTINE): _S.QUARANTINED,
        # The reply itself may still arrive after another process has called it lost.
        (_S.UNKNOWN, _E.ACCEPT): _S.ACCEPTED,
        (_S.UNKNOWN, _E.REJECT): _S.REJECTED,
        (_S.QUARANTINED, _E.ADOPT): _S.ACCEPTED,
        (_S.QUARANTINED, _E.PROVE_ABSENT): _S.NEVER_PLACED,
        # A reply or a list may show after the proof that the order exists: its shares are ours.
        (_S.NEVER_PLACED, _E.ACCEPT): _S.ACCEPTED,
        (_S.NEVER_PLACED, _E.READOPT): _S.ACCEPTED,
        (_S.ACCEPTED, _E.FILL_PARTLY): _S.PARTIALLY_FILLED,
        (_S.ACCEPTED, _E.FILL): _S.FILLED,
        (_S.ACCEPTED, _E.CANCEL): _S.CANCELLED,
        # The exchange can refuse an order that KIS has accepted.
        (_S.ACCEPTED, _E.REJECT): _S.REJECTED,
        (_S.PARTIALLY_FILLED, _E.FILL_PARTLY): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _E.FILL): _S.FILLED,
        (_S.PARTIALLY_FILLED, _E.CANCEL): _S.CANCELLED,
        # A fill that crossed the cancel may be listed only after it.
        (_S.CANCELLED, _E.CANCEL): _S.CANCELLED,
        (_S.CANCELLED, _E.FILL_PARTLY): _S.CANCELLED,
        (_S.CANCELLED, _E.FILL): _S.FILLED,
    }
)

ACTIVE_STATUSES: Final = frozenset(
    {_S.INTENDED, _S.SENDING, _S.UNKNOWN, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.QUARANTINED}
)
"""At most one order per account, symbol and side may have one of these statuses; the database enforces it."""

WORKING_STATUSES: Final = frozenset({_S.ACCEPTED, _S.PARTIALLY_FILLED})
UNRESOLVED_STATUSES: Final = frozenset({_S.SENDING, _S.UNKNOWN})


def next_status(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """Return the status after an event.

    Raises:
        InvalidTransitionError: the status does not allow the event.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise InvalidTransitionError(f"an order that is {status} cannot {event}") from None


class OrderPurpose(StrEnum):
    """Why an order is sent; exits are never blocked by entry guards."""

    ENTRY = "entry"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """A decision to order, recorded before the request to the broker.

    ``limit_price`` is None for orders without one. ``decision_price`` is the last price (won) at the decision.
    ``decided_at`` is market time (UTC). ``position_id`` is the position it opens or sells.
    """

    intent_id: IntentId
    account_id: AccountId
    worker_id: WorkerId
    position_id: PositionId
    session_date: SessionDate
    symbol: Symbol
    side: Side
    quantity: Quantity
    order_type: OrderType
    limit_price: Price | None
    purpose: OrderPurpose
    reason: str
    fencing_token: int
    decision_price: Price
    decided_at: datetime

    @property
    def log_fields(self) -> dict[str, str | int]:
        """Return what identifies the trade in a log line. Every line about an order carries it."""
        return {
            "intent_id": self.intent_id,
            "worker": self.worker_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "quantity": self.quantity,
            "price": "market" if self.limit_price is None else self.limit_price,
            "run_id": self.intent_id.rpartition(".")[0],
        }


@dataclass(frozen=True, slots=True)
class BrokerOrderRef:
    """The broker's name for an order: unique per order date and branch (docs/kis.md §4.7)."""

    order_date: SessionDate
    branch: str
    number: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker accepted the order. It is not filled, and not yet accepted by the exchange."""

    ref: BrokerOrderRef
    kind: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker refused the order; it is proven that none exists."""

    code: str
    message: str
    kind: Literal["rejected"] = "rejected"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The broker gave no clear answer; an order may exist. Never send again; look it up."""

    cause: str
    kind: Literal["unknown"] = "unknown"


SubmitOutcome = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """One row of the broker's order list (``inquire-daily-ccld``), with cumulative fills.

    ``limit_price`` is None for orders without a price; ``ordered_at`` has whole seconds (UTC market time). ``original``
    is the number of the order that this row cancels or amends, else None. Orders ``on_credit`` or ``in_fractions`` of a
    share are never ours; credit trades are not among the shares paid in cash.
    """

    ref: BrokerOrderRef
    symbol: Symbol
    side: Side
    order_type: OrderType | None
    quantity: Quantity
    limit_price: Price | None
    ordered_at: datetime
    filled_quantity: Quantity
    filled_amount: Won
    remaining_quantity: Quantity
    rejected_quantity: Quantity
    original: str | None = None
    on_credit: bool = False
    in_fractions: bool = False
    entered_by: str = field(default="", compare=False)
    """Who or what entered the order, in the broker's words; blank if the list does not contain it."""
    by_api: bool = field(default=False, compare=False)
    """Whether the list marks the order as entered by a program; False for a manual order or without a mark."""

    @property
    def is_over(self) -> bool:
        """Return whether no part of the order can trade any more."""
        return self.remaining_quantity == 0


@dataclass(frozen=True, slots=True)
class ProvisionalFill:
    """What holdings and notices prove of an unlisted order: total filled shares, their won, and whether it is over."""

    quantity: Quantity
    amount: Won
    is_over: bool


NOT_SENT: Final = "NOT_SENT"
"""Haru's own code for an order of which no byte left this machine."""


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order in our ledger; amounts in won, cumulative over all its fills."""

    intent: OrderIntent
    status: OrderStatus
    ref: BrokerOrderRef | None = None
    filled_quantity: Quantity = Quantity(0)
    filled_amount: Won = Won(0)
    reject_code: str = ""
    reject_message: str = ""
    provisional: Quantity = Quantity(0)
    """Of the filled shares, those that no order list has confirmed yet."""

    @property
    def is_active(self) -> bool:
        """Return whether the order may still trade, or may exist without our knowledge."""
        return self.status in ACTIVE_STATUSES

    @property
    def never_left(self) -> bool:
        """Return whether Haru refused the order before any byte was sent: it is no answer of the market."""
        return self.status is OrderStatus.REJECTED and self.reject_code == NOT_SENT

    @property
    def average_price(self) -> Decimal:
        """Return won per filled share; zero before the first fill."""
        return Decimal(self.filled_amount) / self.filled_quantity if self.filled_quantity else Decimal(0)


def is_same_order(record: OrderRecord, row: BrokerOrder) -> bool:
    """Return whether a row is one of our orders, by date, number and content.

    KIS may list an order under another branch (``ord_gno_brno``) than its reply named (``KRX_FWDG_ORD_ORGNO``).
    """
    ref, intent = record.ref, record.intent
    if ref is None or (ref.order_date, ref.number) != (row.ref.order_date, row.ref.number):
        return False
    ours = (intent.symbol, intent.side, intent.quantity)
    return ref == row.ref or (row.original is None and (row.symbol, row.side, row.quantity) == ours)


def row_of(record: OrderRecord, listed: Iterable[BrokerOrder]) -> BrokerOrder | None:
    """Return the row of our order: the row with its branch, else the only row with its number; None for two."""
    rows = [row for row in listed if is_same_order(record, row)]
    exact = [row for row in rows if row.ref == record.ref]
    return exact[0] if exact else rows[0] if len(rows) == 1 else None


def event_from(order: BrokerOrder) -> OrderEvent | None:
    """Return the meaning of a list row for an accepted order, or None if nothing has happened yet."""
    if order.filled_quantity and order.filled_quantity == order.quantity:
        return OrderEvent.FILL
    if order.is_over:
        return OrderEvent.REJECT if order.rejected_quantity and not order.filled_quantity else OrderEvent.CANCEL
    return OrderEvent.FILL_PARTLY if order.filled_quantity else None
