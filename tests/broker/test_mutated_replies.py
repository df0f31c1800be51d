"""For every reply of KIS a reader returns a value or raises one of our errors; an order has one of its outcomes."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.kis import KisBroker
from domain.errors import TradingError
from domain.lane import Lane
from domain.market import Market, Symbol
from domain.money import Price
from domain.order import Accepted, Rejected, Unknown
from tests.broker.parts import (
    DAY,
    SAMSUNG,
    Budget,
    ScriptedKis,
    Tokens,
    a_connection,
    a_holding_row,
    a_many_row,
    a_price_row,
    an_intent,
    an_order_reply,
    an_order_row,
    market_now,
)
from tests.broker.test_indices import an_index
from tests.broker.test_quotes import HEAD, a_bar, a_book

Ask = Callable[[KisBroker], Awaitable[object]]
Json = Any

OK = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상"}
QUESTIONS: list[tuple[str, dict[str, Json], Ask]] = [
    ("intstock-multprice", {"output": [a_many_row(), a_many_row("000660")]},
     lambda broker: broker.quotes([SAMSUNG, Symbol("000660")], Lane.SCAN)),
    ("inquire-price", {"output": a_price_row()}, lambda broker: broker.instrument_status(SAMSUNG, Lane.SCAN)),
    ("inquire-daily-itemchartprice", {"output1": HEAD, "output2": [a_bar("20261120", "70100")]},
     lambda broker: broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)),
    ("inquire-asking-price-exp-ccn", {"output1": a_book(), "output2": {}},
     lambda broker: broker.order_book(SAMSUNG, Lane.EXIT)),
    ("volume-rank", {"output": [{"mksc_shrn_iscd": "005930"}]}, lambda broker: broker.volume_leaders(30, Lane.SCAN)),
    ("inquire-index-price", {"output": an_index()}, lambda broker: broker.index_level(Market.KOSPI, Lane.SCAN)),
    ("chk-holiday", {"output": [{"bass_dt": "20261123", "opnd_yn": "Y"}]},
     lambda broker: broker.is_session_day(DAY, Lane.SCAN)),
    ("inquire-psbl-order", {"output": {"nrcvb_buy_amt": "1", "nrcvb_buy_qty": "1"}},
     lambda broker: broker.buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)),
    ("inquire-balance", {"output1": [a_holding_row()], "output2": [{"prvs_rcdl_excc_amt": "5"}]},
     lambda broker: broker.balance(Lane.RESOLVE)),
    ("inquire-daily-ccld", {"output1": [an_order_row(1), an_order_row(2)], "output2": {"tot_ord_qty": "20"}},
     lambda broker: broker.orders_on(DAY, Lane.RESOLVE)),
    ("tokenP", {"access_token": "abc", "access_token_token_expired": "2026-11-24 12:00:00"},
     lambda broker: broker.order_book(SAMSUNG, Lane.EXIT)),
]  # fmt: skip

odd_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", " ", "0", "-1", "0000000000", "20260230", "240000", "1.5", "9" * 40, "Y", "\x00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def paths_into(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in children for found in paths_into(child, (*path, key)))]


def mutated(value: Json, path: tuple[Any, ...], replacement: Json) -> Json:
    if not path:
        return replacement
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = mutated(value[path[0]], path[1:], replacement)
    return copy


def a_broker(kis: ScriptedKis) -> KisBroker:
    return KisBroker(a_connection(), Budget(), Tokens(), market_now, httpx.MockTransport(kis))


def a_reply(body: Json, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body).encode())


async def ends_well(ask: Ask, broker: KisBroker) -> bool:
    try:
        await ask(broker)
    except TradingError:
        return True
    return True


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(data=st.data(), question=st.sampled_from(QUESTIONS), replacement=odd_values)
async def test_a_mutated_reply_ends_in_a_value_or_in_our_error(
    data: st.DataObject, question: tuple[str, dict[str, Json], Ask], replacement: Json
) -> None:
    label, payload, ask = question
    body = OK | payload
    path = data.draw(st.sampled_from(paths_into(body)))
    kis = ScriptedKis()
    kis.answers(label, a_reply(mutated(body, path, replacement)))
    kis.answers("inquire-asking-price-exp-ccn", a_reply(OK | {"output1": a_book()}))

    assert await ends_well(ask, a_broker(kis))


@quick
@given(question=st.sampled_from(QUESTIONS), content=st.binary(max_size=60), status=st.integers(200, 599))
async def test_a_reply_of_any_bytes_ends_in_our_error(
    question: tuple[str, dict[str, Json], Ask], content: bytes, status: int
) -> None:
    label, _, ask = question
    kis = ScriptedKis()
    kis.answers(label, httpx.Response(status, content=content))
    kis.answers("inquire-asking-price-exp-ccn", a_reply(OK | {"output1": a_book()}))

    assert await ends_well(ask, a_broker(kis))


@quick
@given(data=st.data(), replacement=odd_values, status=st.sampled_from([200, 200, 403, 500, 503]))
async def test_a_mutated_reply_to_an_order_is_one_of_three_outcomes(
    data: st.DataObject, replacement: Json, status: int
) -> None:
    body = json.loads(an_order_reply().content)
    path = data.draw(st.sampled_from(paths_into(body)))
    kis = ScriptedKis()
    kis.answers("order-cash", a_reply(mutated(body, path, replacement), status))

    outcome = await a_broker(kis).submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Accepted | Rejected | Unknown)
    assert len(kis.asked("order-cash")) == 1
