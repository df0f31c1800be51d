"""The account at KIS: what may be bought, and what it holds."""

from typing import Final

from broker.kis.calls import Call
from broker.kis.client import KisClient
from broker.kis.envelope import Envelope
from broker.kis.fields import read
from broker.kis.order_messages import BalanceTotals, BuyingPowerRow, HoldingRow
from broker.kis.queries import Query
from broker.protocol import Balance, BuyingPower, Holding
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Price, Quantity, Won

_LIMIT: Final = "00"
_BY_SYMBOL: Final = "02"
"""One row a symbol. Only by loan date (01) may KIS list a symbol several times."""
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
        """Return won and whole shares at a limit price, without an unpaid margin (TTTC8908R, ``nrcvb_*``)."""
        parameters = self._client.account | {
            "PDNO": symbol,
            "ORD_UNPR": str(int(price)),
            "ORD_DVSN": _LIMIT,
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        }
        envelope = await self._client.ask(Query(Call.BUYING_POWER, parameters), lane)
        row = read(Call.BUYING_POWER, BuyingPowerRow, envelope.row(Call.BUYING_POWER, "output"))
        return BuyingPower(Won(row.nrcvb_buy_amt), Quantity(row.nrcvb_buy_qty))

    async def balance(self, lane: Lane) -> Balance:
        """Return D+2 cash in won and the holdings with shares left, all pages (TTTC8434R).

        Raises:
            BrokerUnavailableError: no holding is listed while the totals value some, or a symbol is listed twice with
                different shares. Else as for any query.
        """
        pages = await self._client.ask_all(Query(Call.BALANCE, self._client.account | BALANCE), lane)
        totals = read(Call.BALANCE, BalanceTotals, pages[0].row(Call.BALANCE, "output2"))
        rows = _holding_rows(pages)
        if not rows and totals.evlu_amt_smtl_amt:
            raise BrokerUnavailableError(f"{Call.BALANCE.label}: no rows, but totals of some")
        return Balance(Won(totals.prvs_rcdl_excc_amt), _holdings(rows))


def _holding_rows(pages: list[Envelope]) -> list[HoldingRow]:
    """Return one row a symbol; a row that comes again counts once, as it came last (F23)."""
    rows: dict[str, HoldingRow] = {}
    for each in (row for page in pages for row in page.rows(Call.BALANCE, "output1")):
        row = read(Call.BALANCE, HoldingRow, each)
        before = rows.get(row.pdno, row)
        if _shares_of(before) != _shares_of(row):
            raise BrokerUnavailableError(
                f"{Call.BALANCE.label}: {row.pdno} is listed twice, {before.hldg_qty:,} and {row.hldg_qty:,} shares"
            )
        rows[row.pdno] = row
    return list(rows.values())


def _shares_of(row: HoldingRow) -> tuple[str, str, int, int, int]:
    """Return what two rows of one holding cannot differ in; its price moves between two pages."""
    return row.trad_dvsn_name, row.loan_dt, row.hldg_qty, row.ord_psbl_qty, row.pchs_amt


def _holdings(rows: list[HoldingRow]) -> tuple[Holding, ...]:
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
