"""Orders at KIS: sent once, cancelled once, and listed with their cumulative fills."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Final

from broker.kis.calls import ORDER_CALLS, Call
from broker.kis.capabilities import CAPABILITIES
from broker.kis.client import KisClient
from broker.kis.codes import Verdict, order_verdict
from broker.kis.envelope import Envelope, Payload
from broker.kis.fields import FieldError, read
from broker.kis.order_messages import DayOrderRow, OpenOrderRow, OrderReply, OrderRow, OrderTotals
from broker.kis.queries import Query
from broker.kis.rows import Source, rows_of
from broker.kis.translation import SIDE_CODES, SIDES, day_of
from broker.protocol import MayLeave, always
from domain.clock import KST
from domain.errors import BrokerProtocolError, BrokerUnavailableError
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import NO_WON, Price, Quantity, Won, notional
from domain.order import (
    Accepted,
    BrokerOrder,
    BrokerOrderRef,
    OrderIntent,
    OrderType,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from domain.session import SessionDate, session_date_of
from domain.unreadable import AccountList, Rows, UnreadableRow

_KRX: Final = "KRX"
_ORDER_TYPE_CODES: Final = {
    OrderType.LIMIT: "00",
    OrderType.MARKET: "01",
    OrderType.POST_CLOSE: "06",
    OrderType.AFTER_MARKET: "41",
}
_ORDER_TYPES: Final = {code: order_type for order_type, code in _ORDER_TYPE_CODES.items()}
_OPEN_SIDE_CODES: Final = {Side.SELL: "1", Side.BUY: "2"}
_BOTH_SIDES: Final = "00"
_BY_API: Final = "opnapi"
"""``ordr_empno`` of API orders, in lower case."""
_NO_PRICE: Final = "0"
_DAY_LIST: Final = Source(Call.ORDER_LIST, AccountList.ORDERS)
_DAY_TOTALS: Final = Source(Call.ORDER_LIST, AccountList.ORDERS, "output2")
_OPEN_LIST: Final = Source(Call.OPEN_ORDERS, AccountList.OPEN_ORDERS, "output")


class KisOrders:
    """Order requests and the order list of one account."""

    def __init__(self, client: KisClient, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        capabilities = CAPABILITIES[client.connection.environment]
        self._exchanges = capabilities.listed_exchanges
        self._lists_open_orders = capabilities.open_orders
        self.orders_per_call = capabilities.orders_per_call
        self.evening_orders = capabilities.evening_orders

    async def submit(self, intent: OrderIntent, lane: Lane, may_leave: MayLeave) -> SubmitOutcome:
        """Send one cash order to KRX, once (TTTC0012U buy, TTTC0011U sell)."""
        return await self._send(ORDER_CALLS[intent.side], order_body(intent), lane, may_leave, _at_stake(intent))

    async def cancel(self, order: BrokerOrderRef, intent: OrderIntent, lane: Lane) -> SubmitOutcome:
        """Request once to cancel the whole remainder of an order (TTTC0013U)."""
        return await self._send(Call.CANCEL, cancel_body(order, intent), lane, always, _at_stake(intent))

    async def orders_on(
        self, session_date: SessionDate, lane: Lane, symbol: Symbol | None, side: Side | None
    ) -> Rows[BrokerOrder]:
        """Return a day's orders, oldest first, all pages (TTTC0081R).

        Raises:
            BrokerUnavailableError: the list lags behind its own totals. Else as for any query.
        """
        pages = await self._client.ask_all(self._list_query(session_date, symbol, side), lane)
        listed = await rows_of(_DAY_LIST, pages, _day_order)
        is_empty = not any(page.candidates(_DAY_LIST.call, _DAY_LIST.key) for page in pages)
        if is_empty and symbol is None and side is None:
            return Rows((), await _missing_totals(pages[0]))
        return Rows({order.ref: order for order in listed}.values(), listed.unreadable)

    async def open_orders(self, side: Side, lane: Lane) -> Rows[BrokerOrder] | None:
        """Return today's orders of one side that can still be cancelled, all pages (TTTC0084R); None on paper."""
        if not self._lists_open_orders:
            return None
        parameters = self._client.account | {
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
            "INQR_DVSN_1": "0",
            "INQR_DVSN_2": _OPEN_SIDE_CODES[side],
        }
        pages = await self._client.ask_all(Query(Call.OPEN_ORDERS, parameters), lane, "output")
        today = session_date_of(self._clock())
        return await rows_of(_OPEN_LIST, pages, lambda row: _open_order(row, today), today)

    async def _send(
        self, call: Call, body: dict[str, str], lane: Lane, may_leave: MayLeave, at_stake: Won
    ) -> SubmitOutcome:
        reply = await self._client.send(call, self._client.account | body, lane, may_leave, at_stake)
        if not isinstance(reply, Envelope):
            return reply
        masked = self._client.connection.masked
        if reply.succeeded:
            return _accepted(call, reply, session_date_of(self._clock()))
        if not reply.has_verdict:
            return Unknown(f"{call.label}: HTTP {reply.status} without KIS's envelope")
        code, message = masked(reply.code), masked(reply.message)
        if reply.refuses and order_verdict(reply.status, reply.code, reply.message) is Verdict.REJECTED:
            return Rejected(code, message)
        return Unknown(f"{call.label}: HTTP {reply.status} {code} {message}".rstrip())

    def _list_query(self, session_date: SessionDate, symbol: Symbol | None, side: Side | None) -> Query:
        parameters = self._client.account | {
            "INQR_STRT_DT": f"{session_date:%Y%m%d}",
            "INQR_END_DT": f"{session_date:%Y%m%d}",
            "SLL_BUY_DVSN_CD": SIDE_CODES[side] if side is not None else _BOTH_SIDES,
            "PDNO": symbol or "",
            "ORD_GNO_BRNO": "",
            "ODNO": "",
            "CCLD_DVSN": "00",
            "INQR_DVSN": "01",  # oldest first: a new order cannot shift rows across a page boundary
            "INQR_DVSN_1": "",
            "INQR_DVSN_3": "00",
            "EXCG_ID_DVSN_CD": self._exchanges,
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return Query(Call.ORDER_LIST, parameters)


def order_body(intent: OrderIntent) -> dict[str, str]:
    """Return order-cash's keys beside the account's two; all are required, even those without a value."""
    return {
        "PDNO": intent.symbol,
        "ORD_DVSN": _ORDER_TYPE_CODES[intent.order_type],
        "ORD_QTY": str(int(intent.quantity)),
        "ORD_UNPR": _NO_PRICE if intent.limit_price is None else str(int(intent.limit_price)),
        "SLL_TYPE": "",
        "CNDT_PRIC": "",
        "EXCG_ID_DVSN_CD": _KRX,
    }


def cancel_body(order: BrokerOrderRef, intent: OrderIntent) -> dict[str, str]:
    """Return order-rvsecncl's keys for cancelling the whole remainder."""
    return {
        "KRX_FWDG_ORD_ORGNO": order.branch,
        "ORGN_ODNO": order.number,
        "ORD_DVSN": _ORDER_TYPE_CODES[intent.order_type],
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": _NO_PRICE,
        "QTY_ALL_ORD_YN": "Y",
        "EXCG_ID_DVSN_CD": _KRX,
    }


def _at_stake(intent: OrderIntent) -> Won:
    """Return the value still at risk without this request (won): the largest waiting sale goes first."""
    return notional(intent.decision_price, intent.quantity) if intent.side is Side.SELL else NO_WON


def _accepted(call: Call, reply: Envelope, order_date: SessionDate) -> Accepted | Unknown:
    try:
        row = read(call, OrderReply, reply.row(call, "output"))
    except BrokerProtocolError as error:
        return Unknown(f"accepted, but {error}")
    return Accepted(BrokerOrderRef(order_date, row.krx_fwdg_ord_orgno, row.odno))


async def _missing_totals(page: Envelope) -> tuple[UnreadableRow, ...]:
    """Return nothing if the totals agree that there are no rows, or the totals if they cannot be read.

    Raises:
        BrokerUnavailableError: the totals include rows.
    """
    totals = await rows_of(_DAY_TOTALS, [page], lambda row: read(Call.ORDER_LIST, OrderTotals, row))
    if any(row.tot_ord_qty or row.tot_ccld_qty for row in totals):
        raise BrokerUnavailableError(f"{Call.ORDER_LIST.label}: no rows, but totals of some")
    return totals.unreadable


def _day_order(payload: Payload) -> BrokerOrder:
    row = read(Call.ORDER_LIST, DayOrderRow, payload)
    order_date = SessionDate(day_of(row.ord_dt, Call.ORDER_LIST, "ord_dt"))
    if row.tot_ccld_qty and not row.tot_ccld_amt:
        raise FieldError(Call.ORDER_LIST, "tot_ccld_amt", "a fill without an amount so far")
    order = _broker_order(row, Call.ORDER_LIST, order_date, row.rmn_qty, row.rjct_qty)
    return replace(order, entered_by=row.ordr_empno, by_api=row.ordr_empno.casefold() == _BY_API)


def _open_order(payload: Payload, today: SessionDate) -> BrokerOrder:
    row = read(Call.OPEN_ORDERS, OpenOrderRow, payload)
    return _broker_order(row, Call.OPEN_ORDERS, today, row.psbl_qty, rejected=0)


def _broker_order(row: OrderRow, call: Call, order_date: SessionDate, remaining: int, rejected: int) -> BrokerOrder:
    return BrokerOrder(
        ref=BrokerOrderRef(order_date, row.ord_gno_brno, row.odno),
        symbol=Symbol(row.pdno),
        side=SIDES[row.sll_buy_dvsn_cd],
        order_type=_ORDER_TYPES.get(row.ord_dvsn_cd),
        quantity=Quantity(row.ord_qty),
        limit_price=Price(row.ord_unpr) if row.ord_unpr else None,
        ordered_at=datetime.combine(order_date, _time_of(row.ord_tmd, call), KST).astimezone(UTC),
        filled_quantity=Quantity(row.tot_ccld_qty),
        filled_amount=Won(row.tot_ccld_amt),
        remaining_quantity=Quantity(remaining),
        rejected_quantity=Quantity(rejected),
        original=row.orgn_odno,
        on_credit=row.on_credit,
        in_fractions=row.in_fractions,
    )


def _time_of(text: str, call: Call) -> time:
    try:
        return time(int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise FieldError(call, "ord_tmd", "is not a time of day") from None
