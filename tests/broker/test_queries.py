"""Queries: a little patience for rates and tokens, all pages, and loud about what does not fit."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from broker.kis import KisBroker
from broker.kis.queries import LEDGER_PAUSE, MOST_PAGES, RATE_PAUSES
from broker.protocol import AccessToken
from domain.errors import (
    BrokerProtocolError,
    BrokerUnavailableError,
    CredentialsRefusedError,
    RateLimitedError,
)
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price
from tests.broker.parts import (
    DAY,
    NOON,
    SAMSUNG,
    Budget,
    ScriptedKis,
    Tokens,
    a_holding_row,
    a_price_row,
    an_order_row,
    failure,
    success,
)

TOTALS = {"prvs_rcdl_excc_amt": "5000000"}
KEYS = {"ctx_area_fk100": "fk".ljust(100), "ctx_area_nk100": "nk".ljust(100)}


@pytest.mark.parametrize("code", ["EGW00201", "EGW00215"])
async def test_a_query_over_the_rate_is_asked_again(
    broker: KisBroker, kis: ScriptedKis, budget: Budget, code: str
) -> None:
    kis.answers("inquire-price", failure(code), failure(code, 200), success(output=a_price_row()))

    await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert budget.lanes.count(Lane.SCAN) == 3


async def test_a_query_over_the_ledgers_rate_waits_for_the_accounts_next_second(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    kis.answers("inquire-price", failure("EGW00215"), success(output=a_price_row()))
    clock = asyncio.get_running_loop()
    began = clock.time()

    await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert clock.time() - began >= LEDGER_PAUSE


async def test_a_rate_storm_ends_the_patience(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-price", failure("EGW00201"))

    with pytest.raises(RateLimitedError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(kis.asked("inquire-price")) == 1 + len(RATE_PAUSES)


async def test_a_query_renews_a_refused_token_once(broker: KisBroker, kis: ScriptedKis, tokens: Tokens) -> None:
    tokens.stored = AccessToken("old", NOON + timedelta(hours=9))
    kis.answers("inquire-price", failure("EGW00123"), success(output=a_price_row()))

    await broker.instrument_status(SAMSUNG, Lane.SCAN)

    used = [request.headers["authorization"] for request in kis.asked("inquire-price")]
    assert used == ["Bearer old", "Bearer token-1"]


async def test_a_new_token_that_is_refused_too_stops(broker: KisBroker, kis: ScriptedKis, tokens: Tokens) -> None:
    tokens.stored = AccessToken("old", NOON + timedelta(hours=9))
    kis.answers("inquire-price", failure("EGW00121"))

    with pytest.raises(CredentialsRefusedError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(kis.asked("inquire-price")) == 2


@pytest.mark.parametrize("error", [httpx.ReadTimeout("late"), httpx.ConnectError("no"), httpx.DecodingError("gzip")])
async def test_a_query_that_fails_on_the_way_may_be_tried_again(
    broker: KisBroker, kis: ScriptedKis, error: Exception
) -> None:
    kis.answers("inquire-price", error)

    with pytest.raises(BrokerUnavailableError, match=type(error).__name__):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(kis.asked("inquire-price")) == 1


async def test_a_page_that_comes_again_is_refused(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("M", output1=[an_order_row()], output2={}, **KEYS))

    with pytest.raises(BrokerProtocolError, match="page 2 repeats"):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_pages_without_an_end_are_refused(broker: KisBroker, kis: ScriptedKis) -> None:
    pages = [success("F", output1=[an_order_row(number)], output2={}, **KEYS) for number in range(1, 200)]
    kis.answers("inquire-daily-ccld", *pages)

    with pytest.raises(BrokerProtocolError, match=f"more than {MOST_PAGES} pages"):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_a_failure_on_a_later_page_is_no_shorter_list(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("M", output1=[an_order_row()], output2={}, **KEYS), failure("EGW00001"))

    with pytest.raises(BrokerUnavailableError):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_an_order_on_two_pages_counts_once_as_it_came_last(broker: KisBroker, kis: ScriptedKis) -> None:
    later = an_order_row(2, tot_ccld_qty="10", tot_ccld_amt="700000", rmn_qty="0")
    kis.answers(
        "inquire-daily-ccld",
        success("M", output1=[an_order_row(1), an_order_row(2)], output2={}, **KEYS),
        success("D", output1=[later, {}, {"odno": ""}], output2={}),
    )

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [(order.ref.number[-1], order.filled_quantity) for order in orders] == [("1", 4), ("2", 10)]


async def test_totals_without_rows_are_a_list_that_lags(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[], output2={"tot_ord_qty": "10", "tot_ccld_qty": "0"}))

    with pytest.raises(BrokerUnavailableError, match="no rows, but totals"):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_a_fill_without_its_amount_is_not_readable_yet(broker: KisBroker, kis: ScriptedKis) -> None:
    rows = [an_order_row(1, tot_ccld_amt="0"), an_order_row(2)]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.ref.number for order in orders] == ["0000000002"]
    assert [(row.symbol, row.field) for row in orders.unreadable] == [(SAMSUNG, "tot_ccld_amt")]


async def test_a_balance_goes_on_over_all_pages_and_counts_its_totals_once(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(
        "inquire-balance",
        success("M", output1=[a_holding_row("005930")], output2=[TOTALS], **KEYS),
        success("D", output1=[a_holding_row("000660"), a_holding_row("005930", prpr="70600")], output2=[TOTALS]),
    )

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.cash == 5_000_000
    assert [(held.symbol, held.quantity, held.price) for held in balance.holdings] == [
        ("005930", 10, 70_600),
        ("000660", 10, 70_500),
    ]


async def test_a_holding_that_is_listed_twice_counts_once(broker: KisBroker, kis: ScriptedKis) -> None:
    again = a_holding_row(prpr="70600")
    kis.answers(
        "inquire-balance",
        success("M", output1=[a_holding_row()], output2=TOTALS, **KEYS),
        success("D", output1=[again], output2=TOTALS),
    )

    (held,) = (await broker.balance(Lane.RESOLVE)).holdings

    assert (held.quantity, held.sellable, held.cost, held.price) == (10, 7, 700_500, 70_600)
    assert kis.asked("inquire-balance")[0].url.params["INQR_DVSN"] == "02"


@pytest.mark.parametrize("other", [{"hldg_qty": "5"}, {"ord_psbl_qty": "5"}, {"pchs_amt": "350000"}])
async def test_two_different_rows_of_one_stock_put_only_that_stock_in_doubt(
    broker: KisBroker, kis: ScriptedKis, other: dict[str, str]
) -> None:
    rows = [a_holding_row(), a_holding_row("000660"), a_holding_row(**other)]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities() == {"000660": 10}
    assert balance.quantity_of(SAMSUNG) is None
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(SAMSUNG, "hldg_qty")]


@pytest.mark.parametrize("credit", [{"trad_dvsn_name": "자기융자"}, {"loan_dt": "20261102"}])
@pytest.mark.parametrize("comes_first", [True, False])
async def test_of_a_cash_row_and_a_credit_row_only_the_cash_row_counts(
    broker: KisBroker, kis: ScriptedKis, credit: dict[str, str], comes_first: bool
) -> None:
    on_credit = a_holding_row(hldg_qty="400", ord_psbl_qty="400", **credit)
    rows = [on_credit, a_holding_row()] if comes_first else [a_holding_row(), on_credit]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert [(held.symbol, held.quantity, held.sellable) for held in balance.holdings] == [(SAMSUNG, 10, 7)]
    assert balance.unreadable == ()


async def test_an_empty_list_beside_a_value_is_not_flat(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-balance", success("D", output1=[], output2=[TOTALS | {"evlu_amt_smtl_amt": "705000"}]))

    with pytest.raises(BrokerUnavailableError, match="no rows, but totals"):
        await broker.balance(Lane.RESOLVE)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"rmn_qty": ""}, "rmn_qty"),
        ({"rmn_qty": "-6"}, "rmn_qty"),
        ({"tot_ccld_qty": "-1"}, "tot_ccld_qty"),
        ({"tot_ccld_qty": "11"}, "row"),
        ({"tot_ccld_amt": "1e9"}, "tot_ccld_amt"),
        ({"sll_buy_dvsn_cd": "03"}, "sll_buy_dvsn_cd"),
        ({"ord_dt": "20261332"}, "ord_dt"),
        ({"ord_tmd": "256199"}, "ord_tmd"),
        ({"ord_tmd": ""}, "ord_tmd"),
        ({"odno": "0"}, "odno"),
        ({"ord_gno_brno": "branch"}, "ord_gno_brno"),
    ],
)
async def test_an_odd_order_row_hides_only_itself_and_names_its_field_only(
    broker: KisBroker, kis: ScriptedKis, row: dict[str, str], field: str
) -> None:
    rows = [an_order_row(1, pdno="000660"), an_order_row(2) | row, an_order_row(3, pdno="035720")]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.symbol for order in orders] == ["000660", "035720"]
    (odd,) = orders.unreadable
    assert (odd.symbol, odd.field) == (SAMSUNG, field)
    assert orders.doubts(SAMSUNG)
    assert not orders.doubts(Symbol("000660"))
    assert not any(value and value in odd.why for value in row.values() if len(value) > 2)


@pytest.mark.parametrize("code", ["", "00593?", "a" * 30])
async def test_an_order_row_without_a_code_may_be_any_stocks(broker: KisBroker, kis: ScriptedKis, code: str) -> None:
    rows = [an_order_row(1), an_order_row(2, pdno=code)]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.ref.number[-1] for order in orders] == ["1"]
    (odd,) = orders.unreadable
    assert (odd.symbol, odd.field, odd.side, odd.quantity) == (None, "pdno", Side.BUY, 10)
    assert odd.ref is not None
    assert odd.ref.number == "0000000002"


async def test_a_list_element_that_is_no_row_hides_no_other(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[an_order_row(1), "x", None, ["y"]], output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert len(orders) == 1
    assert [row.symbol for row in orders.unreadable] == [None, None]


@pytest.mark.parametrize(
    ("changes", "quantity"),
    [({"hldg_qty": "12.7"}, 12), ({"hldg_qty": "0.3"}, None), ({"prpr": "70500.25"}, 10), ({"pchs_amt": "1.5"}, 10)],
)
async def test_of_a_fraction_the_whole_shares_count(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str], quantity: int | None
) -> None:
    rows = [a_holding_row("000660"), a_holding_row(**changes)]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities().get(SAMSUNG) == quantity
    assert balance.quantity_of(SAMSUNG) == (quantity or 0)
    assert balance.quantities()[Symbol("000660")] == 10
    assert balance.unreadable == ()


@pytest.mark.parametrize("field", ["hldg_qty", "ord_psbl_qty", "pchs_amt", "prpr"])
@pytest.mark.parametrize("value", ["-5", "many", None])
async def test_an_odd_holding_puts_only_its_own_stock_in_doubt(
    broker: KisBroker, kis: ScriptedKis, field: str, value: str | None
) -> None:
    odd = a_holding_row() | {field: value} if value else {k: v for k, v in a_holding_row().items() if k != field}
    kis.answers("inquire-balance", success("D", output1=[odd, a_holding_row("000660")], output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities() == {"000660": 10}
    assert balance.quantity_of(SAMSUNG) is None
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(SAMSUNG, field)]


async def test_a_holding_without_a_code_puts_only_stocks_in_doubt_that_are_not_listed(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    rows = [a_holding_row(""), a_holding_row("000660"), a_holding_row("035720", hldg_qty="0")]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert [balance.quantity_of(Symbol(code)) for code in ("000660", "035720", "005930")] == [10, 0, None]


@pytest.mark.parametrize("code", ["Q530031", "KR6000001", "AAPL", "KR1035020A12", "BRK/B"])
async def test_a_code_of_another_length_is_a_holding_like_any_other(
    broker: KisBroker, kis: ScriptedKis, code: str
) -> None:
    kis.answers("inquire-balance", success("D", output1=[a_holding_row(code), a_holding_row()], output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert set(balance.quantities()) == {code, SAMSUNG}


async def test_cash_that_cannot_be_read_leaves_the_holdings(broker: KisBroker, kis: ScriptedKis) -> None:
    totals = {"prvs_rcdl_excc_amt": "?", "evlu_amt_smtl_amt": "705000"}
    kis.answers("inquire-balance", success("D", output1=[a_holding_row()], output2=[totals]))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.cash is None
    assert balance.quantities() == {SAMSUNG: 10}
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(None, "prvs_rcdl_excc_amt")]


async def test_a_negative_buying_power_is_none(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-psbl-order", success(output={"nrcvb_buy_amt": "-120000", "nrcvb_buy_qty": "-2"}))

    power = await broker.buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)

    assert (power.cash, power.quantity) == (0, 0)


async def test_orders_on_credit_and_of_fractions_are_marked_as_not_ours(broker: KisBroker, kis: ScriptedKis) -> None:
    fraction = an_order_row(2, ord_qty="10.5", tot_ccld_qty="0.3", tot_ccld_amt="21000", rmn_qty="0.2")
    rows = [an_order_row(1, loan_dt="20261123"), fraction, an_order_row(3, loan_dt="00000000")]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [(order.on_credit, order.in_fractions) for order in orders] == [(True, False), (False, True), (False, False)]
    assert (orders[1].filled_quantity, orders[1].is_over) == (0, False)


@pytest.mark.parametrize("output", [None, 7, ["x"], [["y"]], {}, [], ""])
async def test_a_missing_payload_is_loud(broker: KisBroker, kis: ScriptedKis, output: object) -> None:
    kis.answers("inquire-psbl-order", success(output=output))

    with pytest.raises(BrokerProtocolError, match="inquire-psbl-order: output"):
        await broker.buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)


async def test_padding_case_and_added_fields_do_not_matter(broker: KisBroker, kis: ScriptedKis) -> None:
    row = {key.upper(): f"  {value} " for key, value in an_order_row(orgn_odno="0000000000").items()}
    row |= {"NEW_FIELD": "x", "ODNO": "       762", "ORD_UNPR": "70000.0000", "RJCT_QTY": ""}
    kis.answers("inquire-daily-ccld", success("D", output1=row, output2={}))

    (order,) = await broker.orders_on(DAY, Lane.RESOLVE)

    assert (order.ref.number, order.original, order.limit_price) == ("0000000762", None, 70_000)


async def test_a_cancel_row_names_its_original(broker: KisBroker, kis: ScriptedKis) -> None:
    row = an_order_row(2, orgn_odno="1", ord_unpr="0", tot_ccld_qty="0", tot_ccld_amt="0", rmn_qty="0")
    kis.answers("inquire-daily-ccld", success("D", output1=[row | {"ord_dvsn_cd": "02"}], output2={}))

    (order,) = await broker.orders_on(DAY, Lane.RESOLVE)

    assert (order.original, order.limit_price, order.order_type) == ("0000000001", None, None)


async def test_a_reply_that_is_no_envelope_is_loud(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-price", httpx.Response(200, text="<html>"))

    with pytest.raises(BrokerProtocolError, match="not KIS's envelope"):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)


@pytest.mark.parametrize("key", ["\ud800", "a\x00b", "k" * 500])
async def test_page_keys_that_cannot_be_are_no_page(broker: KisBroker, kis: ScriptedKis, key: str) -> None:
    body = {"rt_cd": "0", "msg_cd": "KIOK0490", "output1": [an_order_row()], "ctx_area_fk100": key}
    kis.answers("inquire-daily-ccld", httpx.Response(200, content=json.dumps(body), headers={"tr_cont": "M"}))

    with pytest.raises(BrokerProtocolError, match="ctx_area_fk100"):
        await broker.orders_on(DAY, Lane.RESOLVE)

    assert len(kis.asked("inquire-daily-ccld")) == 1
