"""The account at KIS: what may be bought, and what it holds."""

from collections.abc import Sequence
from typing import Final

from broker.kis.calls import Call
from broker.kis.client import KisClient
from broker.kis.envelope import Envelope, Payload
from broker.kis.fields import read
from broker.kis.order_messages import BalanceTotals, BuyingPowerRow, HoldingCode, HoldingRow, HoldingsValue
from broker.kis.queries import Query
from broker.kis.rows import Source, rows_of
from broker.protocol import Balance, BuyingPower, Holding
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.market import Symbol
from domain.money import NO_SHARES, NO_WON, Price, Quantity, Won
from domain.unreadable import AccountList, UnreadableRow

_LIMIT: Final = "00"
_BY_SYMBOL: Final = "02"
"""One row a symbol. Only by loan date (01) may KIS list a symbol several times."""
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

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        """Return won and whole shares at a limit price, without an unpaid margin (TTTC8908R, ``nrcvb_*``).

        A negative amount is what the account owes: nothing can be bought.
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
        """Return D+2 cash in won and the holdings with shares left, all pages (TTTC8434R).

        Raises:
            BrokerUnavailableError: no holding is listed while the totals value some. Else as for any query.
        """
        pages = await self._client.ask_all(Query(Call.BALANCE, self._client.account | BALANCE), lane)
        listed = rows_of(_HOLDINGS, pages, _holding_row)
        if not listed and not listed.unreadable and _values_some(pages[0]):
            raise BrokerUnavailableError(f"{Call.BALANCE.label}: no rows, but totals of some")
        cash, odd_totals = _cash(pages[0])
        rows, contradictions = _one_each([row for row in listed if isinstance(row, HoldingRow)])
        return Balance(
            cash=cash,
            holdings=_holdings(rows),
            sold_out=frozenset(Symbol(row.pdno) for row in rows if not row.hldg_qty),
            unreadable=(*listed.unreadable, *contradictions, *odd_totals),
        )


def _holding_row(payload: Payload) -> HoldingCode:
    """Read a holding; of one on credit no more than that, since its shares are never ours."""
    code = read(Call.BALANCE, HoldingCode, payload)
    return code if code.on_credit else read(Call.BALANCE, HoldingRow, payload)


def _values_some(page: Envelope) -> bool:
    values = rows_of(_TOTALS, [page], lambda row: read(Call.BALANCE, HoldingsValue, row))
    return any(value.evlu_amt_smtl_amt for value in values)


def _cash(page: Envelope) -> tuple[Won | None, tuple[UnreadableRow, ...]]:
    totals = rows_of(_TOTALS, [page], lambda row: read(Call.BALANCE, BalanceTotals, row))
    cash = next((Won(row.prvs_rcdl_excc_amt) for row in totals), None)
    return cash, totals.unreadable


def _one_each(rows: Sequence[HoldingRow]) -> tuple[list[HoldingRow], list[UnreadableRow]]:
    """Return one row a symbol, as it came last, and the symbols that are listed with different shares (F23)."""
    found: dict[str, HoldingRow] = {}
    doubtful: dict[str, UnreadableRow] = {}
    for row in rows:
        if _shares_of(found.setdefault(row.pdno, row)) != _shares_of(row):
            why = "is listed twice with different shares"
            doubtful[row.pdno] = UnreadableRow(AccountList.HOLDINGS, Symbol(row.pdno), "hldg_qty", why)
        found[row.pdno] = row
    return [row for row in found.values() if row.pdno not in doubtful], list(doubtful.values())


def _shares_of(row: HoldingRow) -> tuple[str, int, int, int]:
    """Return what two rows of one holding cannot differ in; its price moves between two pages."""
    return row.trad_dvsn_name, row.hldg_qty, row.ord_psbl_qty, row.pchs_amt


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
