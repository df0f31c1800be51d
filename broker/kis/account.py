"""The account at KIS: what may be bought, and what it holds."""

from typing import Final

from broker.kis.calls import Call
from broker.kis.client import KisClient, Query
from broker.kis.envelope import Envelope
from broker.kis.fields import read
from broker.kis.order_messages import BalanceTotals, BuyingPowerRow, HoldingRow
from broker.protocol import Balance, BuyingPower, Holding
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Price, Quantity, Won

_LIMIT: Final = "00"
_BALANCE: Final = {
    "AFHR_FLPR_YN": "N",
    "OFL_YN": "",
    "INQR_DVSN": "02",
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
            BrokerUnavailableError: no holding is listed while the totals value some. Else as for any query.
        """
        pages = await self._client.ask_all(Query(Call.BALANCE, self._client.account | _BALANCE), lane)
        totals = read(Call.BALANCE, BalanceTotals, pages[0].row(Call.BALANCE, "output2"))
        rows = _holding_rows(pages)
        if not rows and totals.evlu_amt_smtl_amt:
            raise BrokerUnavailableError(f"{Call.BALANCE.label}: no rows, but totals of some")
        return Balance(Won(totals.prvs_rcdl_excc_amt), _holdings(rows))


def _holding_rows(pages: list[Envelope]) -> list[HoldingRow]:
    """Return the rows of all pages; one that comes again under the same key counts once, as it came last."""
    rows = [read(Call.BALANCE, HoldingRow, row) for page in pages for row in page.rows(Call.BALANCE, "output1")]
    return list({(row.pdno, row.trad_dvsn_name, row.loan_dt): row for row in rows}.values())


def _holdings(rows: list[HoldingRow]) -> tuple[Holding, ...]:
    holdings: dict[str, Holding] = {}
    for row in rows:
        before = holdings.get(row.pdno)
        holdings[row.pdno] = Holding(
            symbol=Symbol(row.pdno),
            name=row.prdt_name,
            quantity=Quantity(row.hldg_qty + (before.quantity if before else 0)),
            sellable=Quantity(row.ord_psbl_qty + (before.sellable if before else 0)),
            cost=Won(row.pchs_amt + (before.cost if before else 0)),
            price=Price(row.prpr),
        )
    return tuple(holding for holding in holdings.values() if holding.quantity)
