"""Profit and costs by KIS's rules: read from the simulator's books, and from replies as untidy as KIS's."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from broker.kis import KisBroker
from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Side
from domain.money import Won
from domain.order import Accepted
from simulator.settings import REAL
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, an_intent, success
from tests.broker.test_against_the_simulator import World

A_DAY = {
    "trad_dt": "20261123",
    "buy_amt": "700000",
    "sll_amt": "712000",
    "rlzt_pfls": "10486",
    "fee": "198",
    "tl_tax": "1316",
    "loan_int": "",
    "pfls_rt": "1.49800000",
    "added_by_kis": "something",
}
A_STOCK = A_DAY | {"pdno": "005930", "prdt_name": "삼성전자 ", "buy_qty": "10", "sll_qty": "10"}


async def test_a_round_trip_shows_in_all_three_statements() -> None:
    world = World(REAL, Environment.SIMULATED)
    async with world.broker as broker:
        before = (await broker.balance(Lane.RESOLVE)).cash
        for side in (Side.BUY, Side.SELL):
            assert isinstance(await broker.submit(an_intent(side, None, 10), Lane.EXIT), Accepted)
            world.passes(60)
        after = (await broker.balance(Lane.RESOLVE)).cash
        assert before is not None
        assert after is not None
        earned = after - before
        by_day = await broker.profits_by_day(DAY, DAY, Lane.SCAN)
        by_stock = await broker.profits_by_stock(DAY, DAY, Lane.SCAN)
        today = await broker.profit_today(Lane.SCAN)

    assert by_day is not None
    assert by_stock is not None
    (day,), (stock,) = by_day, by_stock
    assert stock == StockProfit(SAMSUNG, stock.name, stock.bought_quantity, stock.sold_quantity, day)
    assert (stock.bought_quantity, stock.sold_quantity) == (10, 10)
    assert day.realised == day.sold - day.bought - day.commission - day.tax == earned
    assert min(day.commission, day.tax) > 0
    assert today == ProfitToday(day.realised, Won(0))


async def test_untidy_rows_are_read_and_amounts_may_be_negative(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-period-profit", success(output1={**A_DAY, "rlzt_pfls": " -12 "}, output2={}))
    kis.answers("inquire-period-trade-profit", success(output1=[{}, A_STOCK], output2={}))

    by_day = await broker.profits_by_day(DAY, DAY, Lane.SCAN)
    by_stock = await broker.profits_by_stock(DAY, DAY, Lane.SCAN)

    assert by_day == (DayProfit(DAY, *(Won(each) for each in (700_000, 712_000, -12, 198, 1_316, 0))),)
    assert by_stock is not None
    assert (by_stock[0].name, by_stock[0].day.realised) == ("삼성전자", 10_486)


async def test_pages_are_followed(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(
        "inquire-period-profit",
        success("M", output1=[A_DAY], ctx_area_fk100="a", ctx_area_nk100="b"),
        success("D", output1=[A_DAY | {"trad_dt": "20261124"}]),
    )

    rows = await broker.profits_by_day(DAY, DAY, Lane.SCAN)

    assert rows is not None
    assert [row.date - DAY for row in rows] == [timedelta(0), timedelta(days=1)]
    assert kis.asked("inquire-period-profit")[1].url.params["CTX_AREA_NK100"] == "b"


@pytest.mark.parametrize("missing", ["trad_dt", "rlzt_pfls", "fee", "tl_tax"])
async def test_a_row_without_its_figure_is_left_out_by_name(broker: KisBroker, kis: ScriptedKis, missing: str) -> None:
    row = {name: value for name, value in A_DAY.items() if name != missing}
    kis.answers("inquire-period-profit", success(output1=[row, A_DAY]))

    rows = await broker.profits_by_day(DAY, DAY, Lane.SCAN)

    assert rows is not None
    assert len(rows) == 1
    assert [(row.symbol, row.field) for row in rows.unreadable] == [(None, missing)]


async def test_an_odd_stock_costs_only_its_own_line(broker: KisBroker, kis: ScriptedKis) -> None:
    stock = A_DAY | {"pdno": "005930", "prdt_name": "삼성전자", "buy_qty": "1", "sll_qty": "1"}
    odd = stock | {"pdno": "KR6000001", "rlzt_pfls": "12.5"}
    kis.answers("inquire-period-trade-profit", success(output1=[odd, stock, stock | {"buy_qty": "0.3"}]))

    rows = await broker.profits_by_stock(DAY, DAY, Lane.SCAN)

    assert rows is not None
    assert [(row.symbol, row.bought_quantity) for row in rows] == [("005930", 1), ("005930", 0)]
    assert [(row.symbol, row.field) for row in rows.unreadable] == [("KR6000001", "rlzt_pfls")]


async def test_paper_reports_nothing_and_is_not_asked(
    broker_in: Callable[[Environment], KisBroker], kis: ScriptedKis
) -> None:
    paper = broker_in(Environment.PAPER)

    assert await paper.profits_by_day(DAY, DAY, Lane.SCAN) is None
    assert await paper.profits_by_stock(DAY, DAY, Lane.SCAN) is None
    assert await paper.profit_today(Lane.SCAN) is None
    assert await paper.open_orders(Side.BUY, Lane.SCAN) is None
    assert kis.requests == []
