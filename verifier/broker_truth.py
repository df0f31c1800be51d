"""The broker's book: the simulator's own truth by its control API, or KIS's lists as far as they tell it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx

from broker.protocol import Broker
from domain.costs import Costs
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import NO_WON, Price, Quantity, Won
from domain.order import BrokerOrder
from domain.session import SessionDate
from verifier.books import BrokerBook, BrokerFill, BrokerRow


async def simulated_book(simulator_url: str, account_number: str) -> BrokerBook:
    """Ask the simulator's control API; httpx errors pass through."""
    async with httpx.AsyncClient(base_url=simulator_url, timeout=10, trust_env=False) as client:
        reply = await client.get(f"/control/accounts/{account_number}")
        return book_from_json(reply.raise_for_status().json())


def book_from_json(account: Mapping[str, Any]) -> BrokerBook:
    """Read an account as the control API shows it."""
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
    )


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def listed_book(
    broker: Broker, session_date: SessionDate, ours: frozenset[str], owned_before: Mapping[Symbol, Quantity]
) -> BrokerBook:
    """Read KIS's own lists: no single fills, no costs, no opening cash; what is not ``ours`` counts as by hand.

    The lists tell of one day, so that what the owner held before it comes from the session's first look.
    """
    orders = await broker.orders_on(session_date, Lane.RESOLVE)
    balance = await broker.balance(Lane.RESOLVE)
    return BrokerBook(
        orders=tuple(_listed_row(order, by_hand=order.ref.number not in ours) for order in orders),
        holdings=balance.quantities(),
        owned_before=owned_before,
        in_doubt=frozenset(row.symbol for row in (*orders.unreadable, *balance.unreadable) if row.symbol is not None),
        cash=NO_WON if balance.cash is None else balance.cash,
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
