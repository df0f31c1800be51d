"""Every TR id, by environment and side, and the calls that the paper service lacks."""

from collections.abc import Callable
from datetime import date

import pytest

from broker.kis import KisBroker
from broker.kis.calls import ORDER_CALLS, Call
from domain.errors import BrokerRefusedError
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Side, Symbol
from tests.broker.parts import (
    DAY,
    SAMSUNG,
    ScriptedKis,
    a_many_row,
    a_price_row,
    an_intent,
    an_order_reply,
    success,
)

TR_IDS = {
    Call.PRICE: ("FHKST01010100", "FHKST01010100"),
    Call.ORDER_BOOK: ("FHKST01010200", "FHKST01010200"),
    Call.DAILY_BARS: ("FHKST03010100", "FHKST03010100"),
    Call.PAST_MINUTES: ("FHKST03010230", "FHKST03010230"),
    Call.PRICES: ("FHKST11300006", None),
    Call.VOLUME_RANK: ("FHPST01710000", None),
    Call.HOLIDAY: ("CTCA0903R", None),
    Call.INDEX: ("FHPUP02100000", None),
    Call.SELL: ("TTTC0011U", "VTTC0011U"),
    Call.BUY: ("TTTC0012U", "VTTC0012U"),
    Call.CANCEL: ("TTTC0013U", "VTTC0013U"),
    Call.BUYING_POWER: ("TTTC8908R", "VTTC8908R"),
    Call.BALANCE: ("TTTC8434R", "VTTC8434R"),
    Call.ORDER_LIST: ("TTTC0081R", "VTTC0081R"),
    Call.OPEN_ORDERS: ("TTTC0084R", None),
    Call.PROFIT_BY_DAY: ("TTTC8708R", None),
    Call.PROFIT_BY_STOCK: ("TTTC8715R", None),
    Call.PROFIT_TODAY: ("TTTC8494R", None),
}
SIDES = [
    (Environment.LIVE, Side.BUY, "TTTC0012U"),
    (Environment.LIVE, Side.SELL, "TTTC0011U"),
    (Environment.SIMULATED, Side.BUY, "TTTC0012U"),
    (Environment.SIMULATED, Side.SELL, "TTTC0011U"),
    (Environment.PAPER, Side.BUY, "VTTC0012U"),
    (Environment.PAPER, Side.SELL, "VTTC0011U"),
]
BuildBroker = Callable[[Environment], KisBroker]


@pytest.mark.parametrize("call", list(Call))
def test_each_call_has_its_tr_ids(call: Call) -> None:
    live, paper = TR_IDS[call]

    assert call.tr_id(Environment.LIVE) == call.tr_id(Environment.SIMULATED) == live
    if paper is None:
        with pytest.raises(BrokerRefusedError, match="does not exist on the paper service"):
            call.tr_id(Environment.PAPER)
    else:
        assert call.tr_id(Environment.PAPER) == paper


def test_no_two_calls_share_a_tr_id() -> None:
    assert len({call.value.live for call in Call}) == len(Call)


@pytest.mark.parametrize(("environment", "side", "tr_id"), SIDES)
async def test_the_side_of_an_order_travels_in_its_tr_id(
    broker_in: BuildBroker, kis: ScriptedKis, environment: Environment, side: Side, tr_id: str
) -> None:
    kis.answers("order-cash", an_order_reply())

    await broker_in(environment).submit(an_intent(side), Lane.EXIT)

    assert kis.asked("order-cash")[0].headers["tr_id"] == tr_id
    assert ORDER_CALLS[side].tr_id(environment) == tr_id


async def test_paper_quotes_come_one_by_one_without_a_book(broker_in: BuildBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-price", success(output=a_price_row()), success(output={"stck_prpr": "0"}))

    quotes = await broker_in(Environment.PAPER).quotes([SAMSUNG, Symbol("000660"), SAMSUNG], Lane.SCAN)

    assert list(quotes) == [SAMSUNG]
    assert (quotes[SAMSUNG].price, quotes[SAMSUNG].ask, quotes[SAMSUNG].previous_close) == (70_500, 0, 70_100)
    assert len(kis.asked("inquire-price")) == 2


async def test_paper_has_no_ranking_and_no_calendar(broker_in: BuildBroker, kis: ScriptedKis) -> None:
    paper = broker_in(Environment.PAPER)

    assert await paper.volume_leaders(30, Lane.SCAN) == ()
    assert await paper.is_session_day(DAY, Lane.SCAN) is None
    assert kis.requests == []


async def test_thirty_stocks_go_into_one_call(broker: KisBroker, kis: ScriptedKis) -> None:
    symbols = [Symbol(f"{number:06d}") for number in range(1, 62)]
    kis.answers("intstock-multprice", success(output=[a_many_row(symbol) for symbol in symbols]))

    quotes = await broker.quotes(symbols, Lane.SCAN)

    calls = [request.url.params for request in kis.asked("intstock-multprice")]
    assert [sum(key.startswith("FID_INPUT_ISCD") for key in call) for call in calls] == [30, 30, 1]
    assert len(quotes) == 61


@pytest.mark.parametrize(("environment", "exchange"), [(Environment.LIVE, "ALL"), (Environment.PAPER, "KRX")])
async def test_the_order_list_is_asked_for_every_exchange_that_the_service_knows(
    broker_in: BuildBroker, kis: ScriptedKis, environment: Environment, exchange: str
) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[], output2={}))

    await broker_in(environment).orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.SELL)

    parameters = kis.asked("inquire-daily-ccld")[0].url.params
    assert (parameters["EXCG_ID_DVSN_CD"], parameters["SLL_BUY_DVSN_CD"]) == (exchange, "01")
    assert (parameters["INQR_STRT_DT"], parameters["PDNO"]) == ("20261123", "005930")


async def test_kis_is_asked_about_the_calendar_once_a_day(broker: KisBroker, kis: ScriptedKis) -> None:
    days = [{"bass_dt": "20261123", "opnd_yn": "Y", "tr_day_yn": "Y"}, {"bass_dt": "20261231", "opnd_yn": "N"}]
    kis.answers("chk-holiday", success(output=days))

    answers = [
        await broker.is_session_day(day, Lane.SCAN)
        for day in (date(2026, 11, 23), date(2026, 12, 31), date(2026, 11, 23))
    ]

    assert answers == [True, False, True]
    assert len(kis.asked("chk-holiday")) == 1
