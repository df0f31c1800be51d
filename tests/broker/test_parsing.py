"""JSON of replies: odd numbers, duplicate names, odd encodings, and the size limits of a list."""

import json

import httpx
import pytest

from broker.kis import KisBroker
from broker.kis.parsing import parsed
from domain.errors import BrokerProtocolError, BrokerUnavailableError
from domain.lane import Lane
from domain.market import Symbol
from domain.order import Accepted, Unknown
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, a_holding_row, a_price_row, an_intent, an_order_row, success

TOTALS = {"prvs_rcdl_excc_amt": "5000000"}
KEYS = {"ctx_area_fk100": "fk".ljust(100), "ctx_area_nk100": "nk".ljust(100)}


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b'\xef\xbb\xbf{"A":1}', {"a": 1}),
        ('{"A":"가"}'.encode("utf-16"), {"a": "가"}),
        (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),
        (b'{"a":1,"A":1}', {"a": 1}),
        (b'{"a":1,"A":2}', {"a": [1, 2]}),
        (b'{"a":' + b"9" * 24 + b"}", {"a": 10**24 - 1}),
        (b'{"a":' + b"9" * 25 + b"}", {"a": "9" * 25}),
        (b'{"a":1e999999999}', {"a": float("inf")}),
        (b"[]", None),
        (b"1", None),
        (b"", None),
        (b'{"a":', None),
        (b'{"a":\xff}', None),
        (b"[" * 1_000, None),
    ],
)
async def test_json_is_read_as_far_as_a_field_can_hold_it(content: bytes, body: object) -> None:
    assert await parsed(content) == body


async def test_a_large_body_is_read_like_a_small_one() -> None:
    assert await parsed(b'{"A":"' + b"x" * 1_000_000 + b'"}') == {"a": "x" * 1_000_000}


@pytest.mark.parametrize(
    "content",
    [
        '{"rt_cd":"1","msg_cd":"APBK0919","rt_cd":"0","output":{"ODNO":"1"}}',
        '{"rt_cd":"0","rt_cd":"1","msg_cd":"APBK0919","output":{"ODNO":"1"}}',
        '{"rt_cd":"1","msg_cd":"APBK0919","output":{"ODNO":"1"},"output":null}',
        '{"rt_cd":"0","output":{"KRX_FWDG_ORD_ORGNO":"06010","ODNO":"1","odno":"2"}}',
    ],
)
async def test_an_order_reply_that_contradicts_itself_is_unknown(
    broker: KisBroker, kis: ScriptedKis, content: str
) -> None:
    kis.answers("order-cash", httpx.Response(200, content=content))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Unknown)


async def test_a_field_that_is_given_twice_alike_is_that_field(broker: KisBroker, kis: ScriptedKis) -> None:
    content = '{"rt_cd":"0","rt_cd":"0","output":{"KRX_FWDG_ORD_ORGNO":"06010","ODNO":"12","odno":"12"}}'
    kis.answers("order-cash", httpx.Response(200, content=content))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Accepted)


@pytest.mark.parametrize(
    "field",
    [
        '"hldg_qty":"10","HLDG_QTY":"11"',
        f'"hldg_qty":{"9" * 5_000}',
        '"hldg_qty":1e999',
        '"hldg_qty":NaN',
        f'"hldg_qty":"{"9" * 1_000_000}"',
    ],
    ids=["twice", "5,000 digits", "1e999", "NaN", "a million digits"],
)
async def test_a_field_that_cannot_be_costs_only_its_own_stock(broker: KisBroker, kis: ScriptedKis, field: str) -> None:
    other, odd = json.dumps(a_holding_row("000660")), json.dumps(a_holding_row())
    odd = odd.replace('"hldg_qty": "10"', field)
    content = f'{{"rt_cd":"0","output1":[{other},{odd}],"output2":[{json.dumps(TOTALS)}]}}'
    kis.answers("inquire-balance", httpx.Response(200, content=content))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities() == {Symbol("000660"): 10}
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(SAMSUNG, "hldg_qty")]


async def test_pages_together_have_no_more_rows_than_all_of_kis_pages(broker: KisBroker, kis: ScriptedKis) -> None:
    pages = [
        success("F", output1=[an_order_row(1_000 * page + row) for row in range(1, 1_001)], output2={}, **KEYS)
        for page in range(11)
    ]
    kis.answers("inquire-daily-ccld", *pages)

    with pytest.raises(BrokerProtocolError, match="10,000 rows"):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_pages_together_are_no_larger_than_their_bound(
    broker: KisBroker, kis: ScriptedKis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.kis.queries.LARGEST_LIST", 1_000)
    pages = [success("F", output1=[an_order_row(page)], output2={}, pad="x" * 600, **KEYS) for page in range(9)]
    kis.answers("inquire-daily-ccld", *pages)

    with pytest.raises(BrokerProtocolError, match="1,000 bytes"):
        await broker.orders_on(DAY, Lane.RESOLVE)


async def test_pages_together_take_no_longer_than_their_bound(
    broker: KisBroker, kis: ScriptedKis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.kis.queries.PAGES_WITHIN", 0.0)
    pages = [success("F", output1=[an_order_row(page)], output2={}, **KEYS) for page in range(1, 9)]
    kis.answers("inquire-daily-ccld", *pages)

    with pytest.raises(BrokerUnavailableError, match="pages took"):
        await broker.orders_on(DAY, Lane.RESOLVE)

    assert len(kis.asked("inquire-daily-ccld")) == 1


async def test_a_long_text_of_the_broker_is_cut_and_still_masked(broker: KisBroker, kis: ScriptedKis) -> None:
    secret = broker._wires[0].connection.app_secret.get_secret_value()
    body = {"rt_cd": "1", "msg_cd": "EGW00001", "msg1": secret * 10_000}
    kis.answers("inquire-price", httpx.Response(500, json=body))

    with pytest.raises(BrokerUnavailableError) as caught:
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(str(caught.value)) < 400
    assert secret[:20] not in str(caught.value)


async def test_cookies_of_a_broker_are_not_kept(broker: KisBroker, kis: ScriptedKis) -> None:
    reply = success(output=a_price_row())
    reply.headers["set-cookie"] = "tracked=1"
    kis.answers("inquire-price", reply)

    for _ in range(2):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert "cookie" not in kis.asked("inquire-price")[-1].headers
