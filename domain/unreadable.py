"""Unreadable rows of the broker's lists: each blocks decisions about its own stock, and about no other."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import BrokerOrderRef, OrderIntent


class AccountList(StrEnum):
    """The broker's list that contains a row."""

    HOLDINGS = "holdings"
    CASH = "cash"
    ORDERS = "orders"
    OPEN_ORDERS = "open_orders"
    DAY_PROFITS = "day_profits"
    STOCK_PROFITS = "stock_profits"
    QUOTES = "quotes"


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """One unreadable row. ``field`` is the broker's name of the bad field, ``why`` never contains its content.

    ``symbol`` is None if not even the symbol can be read: the row may concern any stock. ``ref``, ``side`` and
    ``quantity`` (shares) are the other readable parts of an order.
    """

    of: AccountList
    symbol: Symbol | None
    field: str
    why: str
    ref: BrokerOrderRef | None = None
    side: Side | None = None
    quantity: Quantity | None = None

    def may_be_of(self, symbol: Symbol) -> bool:
        """Return whether the row may concern this stock."""
        return self.symbol is None or self.symbol == symbol

    def may_be_order_of(self, intent: OrderIntent) -> bool:
        """Return whether no readable part of the row shows that it is another order."""
        same_side = self.side is None or self.side is intent.side
        same_quantity = self.quantity is None or self.quantity == intent.quantity
        same_day = self.ref is None or self.ref.order_date == intent.session_date
        return self.may_be_of(intent.symbol) and same_side and same_quantity and same_day


@dataclass(frozen=True, slots=True)
class Readings:
    """Unreadable rows of several reads, and the lists that were read ``whole``: their other rows are readable."""

    rows: tuple[UnreadableRow, ...] = ()
    whole: frozenset[AccountList] = frozenset()


Row = TypeVar("Row")


class Rows(tuple[Row, ...]):  # noqa: SLOT001 - Python does not support slots in a variable-length tuple
    """A list from the broker: the readable rows, and beside them ``unreadable`` ones.

    A stock or an order missing from the rows is proven absent only if no unreadable row may be it.
    """

    unreadable: tuple[UnreadableRow, ...]

    def __new__(cls, rows: Iterable[Row] = (), unreadable: Iterable[UnreadableRow] = ()) -> "Rows[Row]":
        self = super().__new__(cls, tuple(rows))
        self.unreadable = tuple(unreadable)
        return self

    def doubts(self, symbol: Symbol) -> bool:
        """Return whether a row of exactly this stock could not be read."""
        return doubts(self.unreadable, symbol)


def doubts(unreadable: Iterable[UnreadableRow], symbol: Symbol) -> bool:
    """Return whether one of the rows concerns exactly this stock."""
    return any(row.symbol == symbol for row in unreadable)


def unreadable_of(listed: Iterable[object]) -> tuple[UnreadableRow, ...]:
    """Return the unreadable rows of a list; none for rows selected from one."""
    return listed.unreadable if isinstance(listed, Rows) else ()
