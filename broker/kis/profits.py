"""Realised profit, fees and taxes as KIS counts them: only the real service tells, the paper one never does."""

from datetime import date
from typing import Final

from broker.kis.account import BALANCE
from broker.kis.calls import Call
from broker.kis.capabilities import CAPABILITIES
from broker.kis.client import KisClient
from broker.kis.fields import AnyMessage, read
from broker.kis.profit_messages import ProfitRow, ProfitTotals, StockProfitRow
from broker.kis.queries import Query
from broker.kis.translation import day_of
from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate

_OLDEST_FIRST: Final = "01"
_ALL: Final = "00"


class KisProfits:
    """Profit and loss of one account; every answer is None where the service does not know the call."""

    def __init__(self, client: KisClient) -> None:
        self._client = client
        self._is_known = CAPABILITIES[client.connection.environment].profits

    async def by_day(self, first: SessionDate, last: SessionDate, lane: Lane) -> tuple[DayProfit, ...] | None:
        """Return one row a day with trades, oldest first, all pages (TTTC8708R)."""
        if not self._is_known:
            return None
        rows = await self._rows(Call.PROFIT_BY_DAY, _period(first, last) | {"INQR_DVSN": _ALL}, ProfitRow, lane)
        return tuple(_day(row, Call.PROFIT_BY_DAY) for row in rows)

    async def by_stock(self, first: SessionDate, last: SessionDate, lane: Lane) -> tuple[StockProfit, ...] | None:
        """Return one row a day and stock, oldest first, all pages (TTTC8715R)."""
        if not self._is_known:
            return None
        rows = await self._rows(Call.PROFIT_BY_STOCK, _period(first, last), StockProfitRow, lane)
        return tuple(
            StockProfit(
                symbol=Symbol(row.pdno),
                name=row.prdt_name,
                bought_quantity=Quantity(row.buy_qty),
                sold_quantity=Quantity(row.sll_qty),
                day=_day(row, Call.PROFIT_BY_STOCK),
            )
            for row in rows
        )

    async def today(self, lane: Lane) -> ProfitToday | None:
        """Return today's sums (TTTC8494R)."""
        if not self._is_known:
            return None
        parameters = self._client.account | BALANCE | {"INQR_DVSN": _ALL, "COST_ICLD_YN": "Y"}
        envelope = await self._client.ask(Query(Call.PROFIT_TODAY, parameters), lane)
        totals = read(Call.PROFIT_TODAY, ProfitTotals, envelope.row(Call.PROFIT_TODAY, "output2"))
        return ProfitToday(Won(totals.rlzt_pfls), Won(totals.evlu_pfls_smtl_amt))

    async def _rows(
        self, call: Call, parameters: dict[str, str], message: type[AnyMessage], lane: Lane
    ) -> list[AnyMessage]:
        pages = await self._client.ask_all(Query(call, self._client.account | parameters), lane)
        return [read(call, message, row) for page in pages for row in page.rows(call, "output1")]


def _period(first: date, last: date) -> dict[str, str]:
    return {
        "INQR_STRT_DT": f"{first:%Y%m%d}",
        "INQR_END_DT": f"{last:%Y%m%d}",
        "PDNO": "",
        "SORT_DVSN": _OLDEST_FIRST,
        "CBLC_DVSN": _ALL,
        "CTX_AREA_FK100": "",
        "CTX_AREA_NK100": "",
    }


def _day(row: ProfitRow, call: Call) -> DayProfit:
    return DayProfit(
        date=SessionDate(day_of(row.trad_dt, call)),
        bought=Won(row.buy_amt),
        sold=Won(row.sll_amt),
        realised=Won(row.rlzt_pfls),
        commission=Won(row.fee),
        tax=Won(row.tl_tax),
        interest=Won(row.loan_int),
    )
