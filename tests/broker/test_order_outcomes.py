"""An order is sent at most once, and its outcome claims only what the reply proves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

import broker.kis.client
from broker.kis import ORDER_TIMEOUT, KisBroker
from broker.kis.connection import ORDER_PATIENCE
from domain.lane import Lane
from domain.lock import LEASE_DURATION
from domain.order import BrokerOrderRef, Rejected, Unknown
from tests.broker.parts import (
    DAY,
    Budget,
    ScriptedKis,
    Tokens,
    a_connection,
    an_intent,
    an_order_reply,
    failure,
    market_now,
    success,
    token_reply,
)

LOST = [
    httpx.ReadTimeout("late"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("closed"),
    httpx.CloseError("closed"),
    httpx.DecodingError("no gzip"),
    httpx.LocalProtocolError("odd"),
    TimeoutError(),
]
NEVER_LEFT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("late"),
    httpx.PoolTimeout("full"),
]
WITHOUT_A_NUMBER: list[httpx.Response] = [
    success(),
    success(output={}),
    success(output=[{}]),
    success(output="x"),
    success(output=[["x"]]),
    an_order_reply(ODNO=""),
    an_order_reply(ODNO="0000000000"),
    an_order_reply(ODNO="12345678901"),
    an_order_reply(ODNO="number"),
    an_order_reply(KRX_FWDG_ORD_ORGNO="?"),
]
WITHOUT_AN_ENVELOPE = [
    httpx.Response(200, text=""),
    httpx.Response(200, text="<html>점검중</html>"),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"output": {"ODNO": "1"}}),
    httpx.Response(502, text="Bad Gateway"),
    httpx.Response(403, text="<html>Forbidden</html>"),
    httpx.Response(302, headers={"location": "/elsewhere"}),
    httpx.Response(200, content=b'{"rt_cd":"0","msg1":"\xff\xfe'),
    httpx.Response(200, text="[" * 1_000),
]


def test_an_order_ends_before_its_lease_does() -> None:
    assert LEASE_DURATION.total_seconds() > ORDER_PATIENCE + ORDER_TIMEOUT


async def test_a_request_that_may_not_leave_any_more_stays_here(broker: KisBroker, kis: ScriptedKis) -> None:
    outcome = await broker.submit(an_intent(), Lane.ENTRY, lambda: False)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert kis.asked("order-cash") == []


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
async def test_a_reply_lost_after_sending_leaves_the_order_unknown(
    broker: KisBroker, kis: ScriptedKis, error: Exception
) -> None:
    kis.answers("order-cash", error)

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert outcome == Unknown(f"order-cash: {type(error).__name__}")
    assert len(kis.asked("order-cash")) == 1


@pytest.mark.parametrize("error", NEVER_LEFT, ids=lambda error: type(error).__name__)
async def test_an_order_that_found_no_connection_was_not_sent(
    broker: KisBroker, kis: ScriptedKis, error: Exception
) -> None:
    kis.answers("order-cash", error)

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert outcome == Rejected("NOT_SENT", f"order-cash: {type(error).__name__}")
    assert len(kis.asked("order-cash")) == 1


@pytest.mark.parametrize("reply", WITHOUT_A_NUMBER)
async def test_an_accepted_order_without_its_number_is_unknown(
    broker: KisBroker, kis: ScriptedKis, reply: httpx.Response
) -> None:
    kis.answers("order-cash", reply)

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Unknown)
    assert outcome.cause.startswith("accepted, but order-cash: ")


@pytest.mark.parametrize("reply", WITHOUT_AN_ENVELOPE)
async def test_a_reply_that_is_not_kis_own_leaves_the_order_unknown(
    broker: KisBroker, kis: ScriptedKis, reply: httpx.Response
) -> None:
    kis.answers("order-cash", reply)

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert outcome == Unknown(f"order-cash: HTTP {reply.status_code} without KIS's envelope")
    assert len(kis.requests) == 2  # the token and the order


@pytest.mark.parametrize("status", [201, 401, 403, 500])
async def test_success_under_a_wrong_status_is_unknown(broker: KisBroker, kis: ScriptedKis, status: int) -> None:
    kis.answers("order-cash", httpx.Response(status, json={"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "완료"}))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Unknown)


async def test_a_cancel_has_the_same_three_outcomes(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-rvsecncl", failure("40330000", 200), httpx.ReadTimeout("late"), httpx.ConnectError("refused"))
    ref = BrokerOrderRef(DAY, "06010", "0000123456")

    outcomes = [await broker.cancel(ref, an_intent(), Lane.EXIT) for _ in range(3)]

    assert outcomes == [
        Rejected("40330000", "안됩니다"),
        Unknown("order-rvsecncl: ReadTimeout"),
        Rejected("NOT_SENT", "order-rvsecncl: ConnectError"),
    ]


async def test_an_order_without_a_token_is_not_sent(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("tokenP", httpx.ConnectError("refused"))

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert outcome == Rejected("NOT_SENT", "tokenP: ConnectError")
    assert kis.asked("order-cash") == []


async def test_a_refused_token_is_replaced_for_the_next_call_but_the_order_is_not_repeated(
    broker: KisBroker, kis: ScriptedKis, tokens: Tokens
) -> None:
    kis.answers("order-cash", failure("EGW00123"), an_order_reply())
    first = await broker.submit(an_intent(), Lane.ENTRY)
    tokens.attempts.clear()

    await broker.submit(an_intent(), Lane.ENTRY)

    assert isinstance(first, Rejected)
    authorizations = [request.headers["authorization"] for request in kis.asked("order-cash")]
    assert authorizations == ["Bearer token-1", "Bearer token-2"]


class _NoSlot(Budget):
    @asynccontextmanager
    async def slot(self, lane: Lane, weight: int = 0) -> AsyncIterator[Budget]:
        if lane is Lane.ENTRY:
            await asyncio.sleep(3600)
        yield self


async def test_an_order_that_gets_no_slot_in_time_is_not_sent(
    kis: ScriptedKis, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.kis.client, "ORDER_PATIENCE", 0.05)
    broker_without_slots = KisBroker(a_connection(), _NoSlot(), tokens, market_now, httpx.MockTransport(kis))

    outcome = await broker_without_slots.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert kis.asked("order-cash") == []


async def test_a_cancelled_activity_never_learns_an_outcome(tokens: Tokens, budget: Budget) -> None:
    arrived = asyncio.Event()
    orders = 0

    async def never_answer(request: httpx.Request) -> httpx.Response:
        nonlocal orders
        if request.url.path.endswith("tokenP"):
            return token_reply()
        orders += 1
        arrived.set()
        await asyncio.sleep(3600)
        return an_order_reply()

    stalled = KisBroker(a_connection(), budget, tokens, market_now, httpx.MockTransport(never_answer))
    sending = asyncio.ensure_future(stalled.submit(an_intent(), Lane.ENTRY))
    await arrived.wait()

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (orders, budget.held) == (1, 0)


async def test_every_call_takes_one_slot_of_its_lane(
    broker: KisBroker, kis: ScriptedKis, budget: Budget, tokens: Tokens
) -> None:
    kis.answers("order-cash", an_order_reply())
    await broker.submit(an_intent(), Lane.ENTRY)

    await broker.submit(an_intent(), Lane.ENTRY)

    assert budget.lanes == [Lane.EXIT, Lane.ENTRY, Lane.ENTRY]
    assert (budget.most_held, budget.held) == (1, 0)
    assert tokens.attempts == [market_now()]


@pytest.mark.parametrize(
    "body",
    [
        {"rt_cd": "7", "msg_cd": "", "msg1": "안됩니다"},
        {"rt_cd": "NaN", "msg_cd": "APBK0919", "msg1": "안됩니다"},
        {"rt_cd": "1", "msg_cd": "?", "msg1": "안됩니다"},
        {"rt_cd": "1", "msg_cd": "APBK0919", "msg1": "안됩니다", "output": {"ODNO": "0000123456"}},
        {"rt_cd": "1", "msg_cd": "APBK0919", "msg1": "안됩니다", "output": [{"ODNO": "0000123456"}]},
    ],
    ids=["no code", "no verdict", "no KIS code", "an order number", "a list with an order number"],
)
async def test_a_refusal_that_is_not_clear_leaves_the_order_unknown(
    broker: KisBroker, kis: ScriptedKis, body: dict[str, object]
) -> None:
    kis.answers("order-cash", httpx.Response(200, json=body))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Unknown)
