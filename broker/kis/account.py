"""The account at KIS: its buying power and its holdings."""

import logging
from collections.abc import Sequence
from typing import Final

from broker.kis.calls import Call
from broker.kis.client import KisClient
from broker.kis.envelope import Envelope, Payload
from broker.kis.fields import read
from broker.kis.order_messages import BalanceTotals, BuyingPowerRow, HoldingCode, HoldingRow, HoldingsValue
from broker.kis.queries import INPUT_REFUSED, InputRefusedError, Query
from broker.kis.rows import Source, rows_of
from broker.protocol import Balance, BuyingPower, Holding
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.market import Symbol
from domain.money import NO_SHARES, NO_WON, Price, Quantity, Won
from domain.unreadable import AccountList, UnreadableRow

logger = logging.getLogger("haru.broker")

_LIMIT: Final = "00"
_BY_SYMBOL: Final = "02"
"""One row per symbol. KIS stopped accepting it in February 2026 with an hour's notice (OPSQ2001)."""
_BY_LOAN_DATE: Final = "01"
"""One row for cash and one per loan date: a symbol may be listed several times."""
_HOLDINGS: Final = Source(Call.BALANCE, AccountList.HOLDINGS)
_TOTALS: Final = Source(Call.BALANCE, AccountList.CASH, "output2")
BALANCE: Final = {
    "AFHR_FLPR_YN": "N",
    "OFL_YN": "",
    "INQR_DVSN": _BY_SYMBOL,
    "UNPR_DVSN": "01",
    "FUND_STTL_ICLD_YN": "N",
    "FNCG_AMT_AUTO_RDPT_YN": "N",
    "PRCS_DVSN": "00",
    "CTX_AREA_FK100": "",
    "CTX_AREA_NK100": "",
}


class KisAccount:
    """Cash and holdings of one account."""

    def __init__(self, client: KisClient) -> None:
        self._client = client
        self._division = _BY_SYMBOL

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        """Return won and whole shares at a limit price, without an unpaid margin (TTTC8908R, ``nrcvb_*``).

        A negative amount is a debt of the account: nothing can be bought.
        """
        parameters = self._client.account | {
            "PDNO": symbol,
            "ORD_UNPR": str(int(price)),
            "ORD_DVSN": _LIMIT,
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        }
        envelope = await self._client.ask(Query(Call.BUYING_POWER, parameters), lane)
        row = read(Call.BUYING_POWER, BuyingPowerRow, envelope.row(Call.BUYING_POWER, "output"))
        if row.nrcvb_buy_amt <= 0 or row.nrcvb_buy_qty <= 0:
            return BuyingPower(NO_WON, NO_SHARES)
        return BuyingPower(Won(row.nrcvb_buy_amt), Quantity(row.nrcvb_buy_qty))

    async def balance(self, lane: Lane) -> Balance:
        """Return D+2 cash in won and the holdings with remaining shares, all pages (TTTC8434R).

        Raises:
            BrokerUnavailableError: no holding is listed although the totals have a value. Else as for any query.
        """
        pages, division = await self._pages(lane)
        listed = await rows_of(_HOLDINGS, pages, _holding_row)
        if not listed and not listed.unreadable and await _values_some(pages[0]):
            raise BrokerUnavailableError(f"{Call.BALANCE.label}: no rows, but totals of some")
        cash, odd_totals = await _cash(pages[0])
        rows, contradictions = _one_a_symbol([row for row in listed if isinstance(row, HoldingRow)], division)
        return Balance(
            cash=cash,
            holdings=_holdings(rows),
            sold_out=frozenset(Symbol(row.pdno) for row in rows if not row.hldg_qty),
            unreadable=(*listed.unreadable, *contradictions, *odd_totals),
        )

    async def _pages(self, lane: Lane) -> tuple[list[Envelope], str]:
        """Query by symbol, or by loan date once KIS refuses that; return the pages and their division."""
        division = self._division
        try:
            return await self._listed(division, lane), division
        except InputRefusedError:
            if division == _BY_LOAN_DATE:
                raise
        pages = await self._listed(_BY_LOAN_DATE, lane)
        self._division = _BY_LOAN_DATE
        logger.warning("balance_by_loan_date", extra={"cause": f"{INPUT_REFUSED}: INQR_DVSN {_BY_SYMBOL} is refused"})
        return pages, _BY_LOAN_DATE

    async def _listed(self, division: str, lane: Lane) -> list[Envelope]:
        parameters = self._client.account | BALANCE | {"INQR_DVSN": division}
        return await self._client.ask_all(Query(Call.BALANCE, parameters), lane)


def _holding_row(payload: Payload) -> HoldingCode:
    """Read a holding; on credit or of part of a share only its code, since it is never ours."""
    code = read(Call.BALANCE, HoldingCode, payload)
    return code if code.on_credit or code.is_part else read(Call.BALANCE, HoldingRow, payload)


async def _values_some(page: Envelope) -> bool:
    values = await rows_of(_TOTALS, [page], lambda row: read(Call.BALANCE, HoldingsValue, row))
    return any(value.evlu_amt_smtl_amt for value in values)


async def _cash(page: Envelope) -> tuple[Won | None, tuple[UnreadableRow, ...]]:
    totals = await rows_of(_TOTALS, [page], lambda row: read(Call.BALANCE, BalanceTotals, row))
    cash = next((Won(row.prvs_rcdl_excc_amt) for row in totals), None)
    return cash, totals.unreadable


def _one_a_symbol(rows: Sequence[HoldingRow], division: str) -> tuple[list[HoldingRow], list[UnreadableRow]]:
    """Add up the rows of each symbol; also return the symbols with one row listed with different shares (F23).

    A row may be repeated on the next page. By loan date a row is identified by its kind of trade and loan date as well.
    """
    found: dict[tuple[str, str, str], HoldingRow] = {}
    doubtful: dict[str, UnreadableRow] = {}
    for row in rows:
        key = (row.pdno, row.trad_dvsn_name, row.loan_dt) if division == _BY_LOAN_DATE else (row.pdno, "", "")
        if _shares_of(found.setdefault(key, row)) != _shares_of(row):
            why = "is listed twice with different shares"
            doubtful[row.pdno] = UnreadableRow(AccountList.HOLDINGS, Symbol(row.pdno), "hldg_qty", why)
        found[key] = row
    added: dict[str, HoldingRow] = {}
    for row in found.values():
        if row.pdno not in doubtful:
            added[row.pdno] = _together(added[row.pdno], row) if row.pdno in added else row
    return list(added.values()), list(doubtful.values())


def _shares_of(row: HoldingRow) -> tuple[str, int, int, int]:
    """Return the values that must be equal in two rows of one holding; the price may change between two pages."""
    return row.trad_dvsn_name, row.hldg_qty, row.ord_psbl_qty, row.pchs_amt


def _together(one: HoldingRow, other: HoldingRow) -> HoldingRow:
    sums = {name: getattr(one, name) + getattr(other, name) for name in ("hldg_qty", "ord_psbl_qty", "pchs_amt")}
    return other.model_copy(update=sums)


def _holdings(rows: Sequence[HoldingRow]) -> tuple[Holding, ...]:
    return tuple(
        Holding(
            symbol=Symbol(row.pdno),
            name=row.prdt_name,
            quantity=Quantity(row.hldg_qty),
            sellable=Quantity(row.ord_psbl_qty),
            cost=Won(row.pchs_amt),
            price=Price(row.prpr),
        )
        for row in rows
        if row.hldg_qty
    )
