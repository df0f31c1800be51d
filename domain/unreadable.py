"""Rows of the broker's lists that cannot be read: each blocks decisions about its own stock, and about no other."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import BrokerOrderRef, OrderIntent


class AccountList(StrEnum):
    """Which list of the broker's a row stands in."""

    HOLDINGS = "holdings"
    CASH = "cash"
    ORDERS = "orders"
    OPEN_ORDERS = "open_orders"
    DAY_PROFITS = "day_profits"
    STOCK_PROFITS = "stock_profits"
    QUOTES = "quotes"


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """One row that cannot be read. ``field`` is the broker's name of what is odd, ``why`` never tells its content.

    ``symbol`` is None where the row does not even say that: it may be about any stock. ``ref``, ``side`` and
    ``quantity`` (shares) are what else could be read of an order.
    """

    of: AccountList
    symbol: Symbol | None
    field: str
    why: str
    ref: BrokerOrderRef | None = None
    side: Side | None = None
    quantity: Quantity | None = None

    def may_be_of(self, symbol: Symbol) -> bool:
        """Tell whether the row may be about this stock."""
        return self.symbol is None or self.symbol == symbol

    def may_be_order_of(self, intent: OrderIntent) -> bool:
        """Tell whether nothing that could be read of the row says that it is another order."""
        same_side = self.side is None or self.side is intent.side
        same_quantity = self.quantity is None or self.quantity == intent.quantity
        same_day = self.ref is None or self.ref.order_date == intent.session_date
        return self.may_be_of(intent.symbol) and same_side and same_quantity and same_day


@dataclass(frozen=True, slots=True)
class Readings:
    """Unreadable rows of several reads, and the lists that were read ``whole``: their other rows can be read."""

    rows: tuple[UnreadableRow, ...] = ()
    whole: frozenset[AccountList] = frozenset()


Row = TypeVar("Row")


class Rows(tuple[Row, ...]):  # noqa: SLOT001 - Python gives no slots to a tuple of any length
    """A list that the broker gave: the rows that could be read, and beside them ``unreadable`` ones.

    A stock or an order that is missing among the rows is proven absent only where no unreadable row may be it.
    """

    unreadable: tuple[UnreadableRow, ...]

    def __new__(cls, rows: Iterable[Row] = (), unreadable: Iterable[UnreadableRow] = ()) -> "Rows[Row]":
        self = super().__new__(cls, tuple(rows))
        self.unreadable = tuple(unreadable)
        return self

    def doubts(self, symbol: Symbol) -> bool:
        """Tell whether a row of this very stock could not be read."""
        return doubts(self.unreadable, symbol)


def doubts(unreadable: Iterable[UnreadableRow], symbol: Symbol) -> bool:
    """Tell whether one of the rows is about this very stock."""
    return any(row.symbol == symbol for row in unreadable)


def unreadable_of(listed: Iterable[object]) -> tuple[UnreadableRow, ...]:
    """Return the unreadable rows that came with a list; none with rows that were picked from one."""
    return listed.unreadable if isinstance(listed, Rows) else ()
