"""One small trade in KIS's formats: token, quotes, buying power, order, list, cancel, balance."""

import httpx

from broker.kis import KisBroker
from broker.protocol import Balance, Broker, BuyingPower, Holding
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import Accepted, BrokerOrderRef
from tests.broker.parts import (
    ACCOUNT,
    DAY,
    NOON,
    SAMSUNG,
    ScriptedKis,
    a_holding_row,
    a_many_row,
    an_intent,
    an_order_reply,
    an_order_row,
    success,
)

REF = BrokerOrderRef(DAY, "06010", "0000123456")


def test_a_kis_broker_is_a_broker(broker: KisBroker) -> None:
    port: Broker = broker

    assert port.environment == "simulated"


async def test_a_quote_carries_the_best_bid_and_ask(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("intstock-multprice", success(output=[a_many_row()]))

    quotes = await broker.quotes([SAMSUNG], Lane.SCAN)

    quote = quotes[SAMSUNG]
    assert (quote.price, quote.bid, quote.ask, quote.bid_quantity) == (70_500, 70_500, 70_600, 340)
    assert (quote.observed_at, quote.name) == (NOON, "삼성전자")


async def test_a_query_carries_kis_headers_in_a_slot_of_its_lane(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("intstock-multprice", success(output=[a_many_row()]))

    await broker.quotes([SAMSUNG], Lane.SCAN)

    headers = kis.asked("intstock-multprice")[0].headers
    assert headers["authorization"] == "Bearer token-1"
    assert (headers["tr_id"], headers["custtype"], headers["tr_cont"]) == ("FHKST11300006", "P", "")


async def test_buying_power_leaves_unpaid_margin_aside(broker: KisBroker, kis: ScriptedKis) -> None:
    output = {"nrcvb_buy_amt": "1000000", "nrcvb_buy_qty": "14", "max_buy_amt": "3000000", "max_buy_qty": "42"}
    kis.answers("inquire-psbl-order", success(output=output))

    power = await broker.buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)

    assert power == BuyingPower(Won(1_000_000), Quantity(14))


async def test_an_order_is_accepted_under_its_date_branch_and_number(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-cash", an_order_reply())

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert outcome == Accepted(REF)


async def test_an_order_has_nine_keys_of_text(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-cash", an_order_reply())

    await broker.submit(an_intent(Side.SELL, limit_price=None, quantity=3), Lane.EXIT)

    assert kis.body("order-cash") == {
        "CANO": ACCOUNT,
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": "01",
        "ORD_QTY": "3",
        "ORD_UNPR": "0",
        "SLL_TYPE": "",
        "CNDT_PRIC": "",
        "EXCG_ID_DVSN_CD": "KRX",
    }
    assert kis.asked("order-cash")[0].headers["tr_id"] == "TTTC0011U"


async def test_a_cancel_names_the_order_and_all_of_its_rest(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-rvsecncl", an_order_reply(ODNO="0000123499"))

    outcome = await broker.cancel(REF, an_intent(), Lane.EXIT)

    body = kis.body("order-rvsecncl")
    assert (body["KRX_FWDG_ORD_ORGNO"], body["ORGN_ODNO"], body["RVSE_CNCL_DVSN_CD"]) == ("06010", REF.number, "02")
    assert (body["QTY_ALL_ORD_YN"], body["ORD_QTY"], body["ORD_UNPR"]) == ("Y", "0", "0")
    assert outcome == Accepted(BrokerOrderRef(DAY, "06010", "0000123499"))


async def test_the_order_list_goes_on_over_all_pages(broker: KisBroker, kis: ScriptedKis) -> None:
    keys = {"ctx_area_fk100": "fk".ljust(100), "ctx_area_nk100": "nk".ljust(100)}
    kis.answers(
        "inquire-daily-ccld",
        success("M", output1=[an_order_row(1), an_order_row(2)], output2={}, **keys),
        success("D", output1=[an_order_row(3)], output2={}),
    )

    orders = await broker.orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.BUY)

    assert [order.ref.number for order in orders] == ["0000000001", "0000000002", "0000000003"]
    second = kis.asked("inquire-daily-ccld")[1]
    assert second.headers["tr_cont"] == "N"
    assert second.url.params["CTX_AREA_NK100"] == "nk".ljust(100)


async def test_an_order_row_becomes_cumulative_fills(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[an_order_row()], output2={}))

    (order,) = await broker.orders_on(DAY, Lane.RESOLVE)

    assert (order.quantity, order.filled_quantity, order.remaining_quantity) == (10, 4, 6)
    assert (order.filled_amount, order.limit_price, order.original) == (280_000, 70_000, None)
    assert order.ordered_at.isoformat() == "2026-11-23T03:00:01+00:00"


async def test_the_balance_is_cash_in_two_days_and_what_is_held(broker: KisBroker, kis: ScriptedKis) -> None:
    sold_out = a_holding_row("000660", hldg_qty="0")
    totals = {"dnca_tot_amt": "9", "prvs_rcdl_excc_amt": "5000000"}
    kis.answers("inquire-balance", success("D", output1=[a_holding_row(), sold_out], output2=[totals]))

    balance = await broker.balance(Lane.RESOLVE)

    held = Holding(SAMSUNG, "삼성전자", Quantity(10), Quantity(7), Won(700_500), Price(70_500))
    assert balance == Balance(Won(5_000_000), (held,), sold_out=frozenset({Symbol("000660")}))


async def test_closing_ends_the_connections(broker: KisBroker) -> None:
    async with broker as open_broker:
        assert open_broker is broker

    assert isinstance(broker._wires[0]._http, httpx.AsyncClient)
    assert broker._wires[0]._http.is_closed
