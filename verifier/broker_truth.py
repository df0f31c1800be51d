"""The broker's book: the simulator's own records by its control API, or KIS's lists as far as they go."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import httpx

from broker.protocol import Balance, Broker
from domain.costs import Costs
from domain.lane import Lane
from domain.market import Market, Side, Symbol
from domain.money import NO_WON, Price, Quantity, Won
from domain.order import BrokerOrder
from domain.session import SessionDate
from domain.unreadable import Rows
from security.bounded_http import ask
from verifier.books import BrokerBook, BrokerFill, BrokerRow

_BY_API: Final = "OpnAPI"


@dataclass(frozen=True, slots=True)
class Simulated:
    """Address of a simulator, and the credentials of its control API."""

    url: str
    account_number: str
    control_headers: Mapping[str, str] = field(default_factory=dict, repr=False)


async def simulated_book(broker: Simulated) -> BrokerBook:
    """Read the book from the simulator's control API; httpx errors propagate."""
    headers = dict(broker.control_headers)
    async with httpx.AsyncClient(base_url=broker.url, timeout=10, trust_env=False, headers=headers) as client:
        reply = await ask(client, "GET", f"/control/accounts/{broker.account_number}")
        return book_from_json(reply.raise_for_status().json())


def book_from_json(account: Mapping[str, Any]) -> BrokerBook:
    """Parse an account from the control API."""
    return BrokerBook(
        orders=tuple(_row_from_json(order) for order in account["orders"]),
        holdings={
            Symbol(held["symbol"]): Quantity(held["quantity"]) for held in account["holdings"] if held["quantity"]
        },
        opening_cash=Won(account["opening_cash"]),
        cash=Won(account["cash"]),
    )


def _row_from_json(order: Mapping[str, Any]) -> BrokerRow:
    return BrokerRow(
        day=date.fromisoformat(order["day"]),
        number=order["number"],
        symbol=Symbol(order["symbol"]),
        side=Side(order["side"]),
        quantity=Quantity(order["quantity"]),
        placed_at=_utc(order["placed_at"]),
        filled=Quantity(order["filled"]),
        amount=Won(order["amount"]),
        remaining=Quantity(order["remaining"]),
        costs=Costs(Won(order["commission"]), Won(order["tax"])),
        fills=tuple(
            BrokerFill(_utc(fill["at"]), Price(fill["price"]), Quantity(fill["quantity"])) for fill in order["fills"]
        ),
        original=order["original"],
        by_hand=order["by_hand"],
        is_new=order["action"] == "new",
        hidden=order.get("hidden", 0),
        market=Market(order["market"]) if "market" in order else None,
    )


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def as_of(book: BrokerBook, session_date: SessionDate) -> BrokerBook:
    """Return the book at the end of a session's day, without the orders and trades of later days."""
    later = [row for row in book.orders if row.day > session_date]
    held = Counter(book.holdings)
    for row in later:
        held[row.symbol] -= row.filled if row.side is Side.BUY else -row.filled
    return replace(
        book,
        orders=tuple(row for row in book.orders if row.day <= session_date),
        holdings={symbol: Quantity(shares) for symbol, shares in held.items() if shares},
        cash=Won(book.cash - sum(row.flow for row in later)),
    )


@dataclass(frozen=True, slots=True)
class KnownOfDay:
    """Our own records about an account's day, for data that KIS's lists lack. ``ours`` are our orders' numbers.

    ``owned_before`` is the owner's holding before that day. For a past session ``left`` is the broker's holding that
    its close recorded, None if no close has checked.
    """

    ours: frozenset[str]
    owned_before: Mapping[Symbol, Quantity]
    is_past: bool = False
    left: Mapping[Symbol, Quantity] | None = None


async def listed_book(broker: Broker, session_date: SessionDate, known: KnownOfDay) -> BrokerBook:
    """Read KIS's own lists: no single fills, no costs, no opening cash, and the orders of one day.

    The balance is current, so a past session is compared with the holdings that its own close recorded.
    """
    orders = await broker.orders_on(session_date, Lane.RESOLVE)
    by_hand = _entered_by_hand(orders, known.ours)
    book = BrokerBook(
        orders=tuple(_listed_row(order, by_hand=order.ref.number in by_hand) for order in orders),
        owned_before=known.owned_before,
        in_doubt=_unreadable_in(orders),
    )
    if known.is_past:
        return replace(book, holdings=known.left or {}, shows_holdings=known.left is not None)
    balance = await broker.balance(Lane.RESOLVE)
    return replace(
        book,
        holdings=balance.quantities(),
        in_doubt=book.in_doubt | _unreadable_in(balance),
        cash=NO_WON if balance.cash is None else balance.cash,
    )


def _unreadable_in(rows: Rows[BrokerOrder] | Balance) -> frozenset[Symbol]:
    return frozenset(row.symbol for row in rows.unreadable if row.symbol is not None)


def _entered_by_hand(orders: Iterable[BrokerOrder], ours: frozenset[str]) -> frozenset[str]:
    """Return the numbers of orders that, by the list itself, did not come by API.

    KIS names who entered an order: ``OpnAPI`` for orders by API (``ordr_empno`` of TTTC0081R). A blank proves something
    only if the same list names ``OpnAPI`` for our own orders. Without proof an unbound order counts as ours.
    """
    names_api = any(order.entered_by == _BY_API for order in orders if order.ref.number in ours)
    return frozenset(
        order.ref.number
        for order in orders
        if order.ref.number not in ours and order.entered_by != _BY_API and (order.entered_by or names_api)
    )


def _listed_row(order: BrokerOrder, *, by_hand: bool) -> BrokerRow:
    fills: tuple[BrokerFill, ...] = ()
    if order.filled_quantity:
        average = Price(order.filled_amount // order.filled_quantity)
        fills = (BrokerFill(order.ordered_at, average, order.filled_quantity),)
    return BrokerRow(
        day=order.ref.order_date,
        number=order.ref.number,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        placed_at=order.ordered_at,
        filled=order.filled_quantity,
        amount=order.filled_amount,
        remaining=order.remaining_quantity,
        fills=fills,
        original=order.original or "",
        by_hand=by_hand,
        is_new=order.original is None,
    )
