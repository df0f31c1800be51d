"""Queries: short retries for rate limits and tokens, all pages, and an error for everything that does not fit."""

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
from domain.market import Symbol
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
async def test_two_different_rows_of_one_symbol_are_no_balance(
    broker: KisBroker, kis: ScriptedKis, other: dict[str, str]
) -> None:
    """Nothing is known of that stock then; the others are unaffected."""
    rows = [a_holding_row(), a_holding_row("000660"), a_holding_row(**other)]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities() == {"000660": 10}
    assert balance.quantity_of(SAMSUNG) is None
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(SAMSUNG, "hldg_qty")]


NOT_BY_SYMBOL = {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": "INPUT INVALID_CHECK_INQR_DVSN"}


async def test_a_balance_by_loan_date_adds_up_the_cash_rows_of_a_symbol(broker: KisBroker, kis: ScriptedKis) -> None:
    """One row is repeated on the second page, and the shares on credit are the owner's."""
    on_credit = a_holding_row(hldg_qty="400", ord_psbl_qty="400", trad_dvsn_name="자기융자", loan_dt="20261102")
    other = a_holding_row(trad_dvsn_name="현금(기타)", hldg_qty="3", ord_psbl_qty="2", pchs_amt="210000", prpr="70600")
    kis.answers(
        "inquire-balance",
        httpx.Response(200, json=NOT_BY_SYMBOL),
        success("M", output1=[a_holding_row(), on_credit], output2=TOTALS, **KEYS),
        success("D", output1=[a_holding_row(), other, a_holding_row("000660")], output2=TOTALS),
    )

    balance = await broker.balance(Lane.RESOLVE)

    assert [(held.symbol, held.quantity, held.sellable, held.cost) for held in balance.holdings] == [
        (SAMSUNG, 13, 9, 910_500),
        ("000660", 10, 7, 700_500),
    ]
    assert balance.unreadable == ()


async def test_a_refused_division_of_the_balance_is_remembered(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(
        "inquire-balance",
        httpx.Response(200, json=NOT_BY_SYMBOL),
        success("D", output1=[a_holding_row()], output2=TOTALS),
    )

    for _ in range(3):
        assert (await broker.balance(Lane.RESOLVE)).quantities() == {SAMSUNG: 10}

    asked = [request.url.params["INQR_DVSN"] for request in kis.asked("inquire-balance")]
    assert asked == ["02", "01", "01", "01"]


async def test_a_balance_that_is_refused_either_way_is_asked_by_symbol_again(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    kis.answers("inquire-balance", httpx.Response(200, json=NOT_BY_SYMBOL))

    for _ in range(2):
        with pytest.raises(BrokerProtocolError, match="OPSQ2001"):
            await broker.balance(Lane.RESOLVE)

    asked = [request.url.params["INQR_DVSN"] for request in kis.asked("inquire-balance")]
    assert asked == ["02", "01", "02", "01"]


async def test_two_different_rows_of_one_loan_date_are_no_balance(broker: KisBroker, kis: ScriptedKis) -> None:
    rows = [a_holding_row(), a_holding_row(hldg_qty="5"), a_holding_row("000660")]
    kis.answers("inquire-balance", httpx.Response(200, json=NOT_BY_SYMBOL), success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert (balance.quantities(), balance.quantity_of(SAMSUNG)) == ({"000660": 10}, None)


async def test_an_empty_list_beside_a_value_is_not_flat(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-balance", success("D", output1=[], output2=[TOTALS | {"evlu_amt_smtl_amt": "705000"}]))

    with pytest.raises(BrokerUnavailableError, match="no rows, but totals"):
        await broker.balance(Lane.RESOLVE)


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
