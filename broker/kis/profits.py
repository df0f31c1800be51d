"""Realised profit, fees and taxes as KIS computes them: available on the real service only."""

from collections.abc import Callable
from datetime import date
from typing import Final

from broker.kis.account import BALANCE
from broker.kis.calls import Call
from broker.kis.capabilities import CAPABILITIES
from broker.kis.client import KisClient
from broker.kis.envelope import Payload
from broker.kis.fields import read
from broker.kis.profit_messages import ProfitRow, ProfitTotals, StockProfitRow
from broker.kis.queries import Query
from broker.kis.rows import Made, Source, rows_of
from broker.kis.translation import day_of
from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate
from domain.unreadable import AccountList, Rows

_OLDEST_FIRST: Final = "01"
_ALL: Final = "00"
_DAYS: Final = Source(Call.PROFIT_BY_DAY, AccountList.DAY_PROFITS)
_STOCKS: Final = Source(Call.PROFIT_BY_STOCK, AccountList.STOCK_PROFITS)


class KisProfits:
    """Profit and loss of one account; every answer is None if the service does not have the call."""

    def __init__(self, client: KisClient) -> None:
        self._client = client
        self._is_known = CAPABILITIES[client.connection.environment].profits

    async def by_day(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[DayProfit] | None:
        """Return one row per day with trades, oldest first, all pages (TTTC8708R)."""
        if not self._is_known:
            return None
        parameters = _period(first, last) | {"INQR_DVSN": _ALL}
        return await self._rows(_DAYS, parameters, lambda row: _day(read(_DAYS.call, ProfitRow, row), _DAYS.call), lane)

    async def by_stock(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[StockProfit] | None:
        """Return one row per day and stock, oldest first, all pages (TTTC8715R)."""
        if not self._is_known:
            return None
        return await self._rows(_STOCKS, _period(first, last), _stock, lane)

    async def today(self, lane: Lane) -> ProfitToday | None:
        """Return today's totals (TTTC8494R)."""
        if not self._is_known:
            return None
        parameters = self._client.account | BALANCE | {"INQR_DVSN": _ALL, "COST_ICLD_YN": "Y"}
        envelope = await self._client.ask(Query(Call.PROFIT_TODAY, parameters), lane)
        totals = read(Call.PROFIT_TODAY, ProfitTotals, envelope.row(Call.PROFIT_TODAY, "output2"))
        return ProfitToday(Won(totals.rlzt_pfls), Won(totals.evlu_pfls_smtl_amt))

    async def _rows(
        self, source: Source, parameters: dict[str, str], make: Callable[[Payload], Made], lane: Lane
    ) -> Rows[Made]:
        pages = await self._client.ask_all(Query(source.call, self._client.account | parameters), lane)
        return await rows_of(source, pages, make)


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
        date=SessionDate(day_of(row.trad_dt, call, "trad_dt")),
        bought=Won(row.buy_amt),
        sold=Won(row.sll_amt),
        realised=Won(row.rlzt_pfls),
        commission=Won(row.fee),
        tax=Won(row.tl_tax),
        interest=Won(row.loan_int),
    )


def _stock(payload: Payload) -> StockProfit:
    row = read(_STOCKS.call, StockProfitRow, payload)
    return StockProfit(
        symbol=Symbol(row.pdno),
        name=row.prdt_name,
        bought_quantity=Quantity(row.buy_qty),
        sold_quantity=Quantity(row.sll_qty),
        day=_day(row, _STOCKS.call),
    )
