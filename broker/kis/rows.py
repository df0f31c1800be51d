"""A list of KIS's, row by row: readable rows are kept, unreadable ones are named without their content."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from broker.kis.calls import Call
from broker.kis.envelope import Envelope, Payload
from broker.kis.fields import AnyMessage, Code, Count, Day, FieldError, Message, OrderNumber, Word, read
from broker.kis.fields import Branch as BranchField
from broker.kis.order_messages import is_never_ours
from broker.kis.translation import SIDES, day_of
from domain.market import Symbol
from domain.money import Quantity
from domain.order import BrokerOrderRef
from domain.session import SessionDate
from domain.unreadable import AccountList, Rows, UnreadableRow

Made = TypeVar("Made")
_ORDER_LISTS: Final = frozenset({AccountList.ORDERS, AccountList.OPEN_ORDERS})
_ROWS_A_TURN: Final = 20
"""Rows read before other tasks of the event loop run; a row takes some 0.1 ms."""


@dataclass(frozen=True, slots=True)
class Source:
    """The source of rows: the call, the key of the payload, our name of the list, and KIS's field for a code."""

    call: Call
    of: AccountList
    key: str = "output1"
    code_field: str = "pdno"


class _Code(Message):
    code: Code


class _Side(Message):
    sll_buy_dvsn_cd: Word


class _Quantity(Message):
    ord_qty: Count


class _Ref(Message):
    ord_gno_brno: BranchField
    odno: OrderNumber


class _Day(Message):
    ord_dt: Day


async def rows_of(
    source: Source, pages: Iterable[Envelope], make: Callable[[Payload], Made], today: SessionDate | None = None
) -> Rows[Made]:
    """Return the result of ``make`` for each row; a row for which it raises ``FieldError`` becomes unreadable.

    ``today`` is the date of an order list without dates. An unreadable order that is never ours is left out.

    Raises:
        BrokerProtocolError: the payload is missing.
    """
    made: list[Made] = []
    unreadable: list[UnreadableRow] = []
    rows = [row for page in pages for row in page.candidates(source.call, source.key)]
    for number, row in enumerate(rows):
        if number % _ROWS_A_TURN == _ROWS_A_TURN - 1:
            await asyncio.sleep(0)
        if not isinstance(row, Mapping):
            unreadable.append(UnreadableRow(source.of, None, source.key, "holds an entry that is not a row"))
            continue
        try:
            made.append(make(row))
        except FieldError as fault:
            if source.of not in _ORDER_LISTS or not is_never_ours(row):
                unreadable.append(_unreadable(source, row, fault, today))
    return Rows(made, unreadable)


def _unreadable(source: Source, row: Payload, fault: FieldError, today: SessionDate | None) -> UnreadableRow:
    symbol = _or_none(source, _Code, {"code": row.get(source.code_field)})
    if source.of not in _ORDER_LISTS:
        return UnreadableRow(source.of, Symbol(symbol.code) if symbol else None, fault.field, fault.why)
    side = _or_none(source, _Side, row)
    quantity = _or_none(source, _Quantity, row)
    return UnreadableRow(
        source.of,
        Symbol(symbol.code) if symbol else None,
        fault.field,
        fault.why,
        ref=_ref(source, row, today),
        side=SIDES.get(side.sll_buy_dvsn_cd) if side else None,
        quantity=Quantity(quantity.ord_qty) if quantity else None,
    )


def _ref(source: Source, row: Payload, today: SessionDate | None) -> BrokerOrderRef | None:
    named, day = _or_none(source, _Ref, row), _or_none(source, _Day, row)
    try:
        date = SessionDate(day_of(day.ord_dt, source.call, "ord_dt")) if day else today
    except FieldError:
        return None
    return BrokerOrderRef(date, named.ord_gno_brno, named.odno) if named and date else None


def _or_none(source: Source, message: type[AnyMessage], row: Payload) -> AnyMessage | None:
    try:
        return read(source.call, message, row)
    except FieldError:
        return None
