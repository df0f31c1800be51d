"""The meaning of each message code, for a query and for an order: one row, one test."""

from datetime import timedelta

import httpx
import pytest

from broker.kis import KisBroker
from broker.kis.codes import MEANINGS, ORDER_VERDICTS, Meaning, Verdict, meaning_of, order_verdict
from broker.protocol import AccessToken
from domain.errors import (
    BrokerProtocolError,
    BrokerRefusedError,
    BrokerUnavailableError,
    CredentialsRefusedError,
    RateLimitedError,
    TradingError,
)
from domain.lane import Crowding, Lane
from domain.order import Rejected, Unknown
from tests.broker.parts import DAY, NOON, SAMSUNG, Budget, ScriptedKis, Tokens, a_price_row, an_intent, failure, success

ERRORS = {
    Meaning.TRY_AGAIN: BrokerUnavailableError,
    Meaning.RATE: RateLimitedError,
    Meaning.TOKEN: RateLimitedError,  # the next token may not be requested for a minute
    Meaning.CREDENTIALS: CredentialsRefusedError,
    Meaning.BUG: BrokerProtocolError,
    Meaning.REFUSED: BrokerRefusedError,
}

VERDICTS = [
    ("EGW00121", 500, Verdict.REJECTED),
    ("EGW00123", 500, Verdict.REJECTED),
    ("EGW00103", 403, Verdict.REJECTED),
    ("EGW00105", 403, Verdict.REJECTED),
    ("EGW00304", 500, Verdict.REJECTED),
    ("EGW02004", 500, Verdict.REJECTED),
    ("EGW02006", 500, Verdict.REJECTED),
    ("IGW00007", 500, Verdict.REJECTED),
    ("OPSQ0002", 500, Verdict.REJECTED),
    ("OPSQ2000", 200, Verdict.REJECTED),
    ("OPSQ2001", 200, Verdict.REJECTED),
    ("OPSQ9997", 500, Verdict.REJECTED),
    ("EGW99999", 401, Verdict.REJECTED),
    ("APBK0919", 200, Verdict.REJECTED),
    ("APBK0952", 200, Verdict.REJECTED),
    ("APBK0400", 200, Verdict.REJECTED),
    ("APBK0927", 200, Verdict.REJECTED),
    ("APBK1943", 200, Verdict.REJECTED),
    ("APBK3013", 200, Verdict.REJECTED),
    ("IGW00002", 200, Verdict.REJECTED),
    ("40030000", 200, Verdict.REJECTED),
    ("40580000", 200, Verdict.REJECTED),
    ("70070000", 200, Verdict.REJECTED),
    ("EGW00201", 500, Verdict.UNKNOWN),
    ("EGW00201", 200, Verdict.UNKNOWN),
    ("EGW00215", 500, Verdict.UNKNOWN),
    ("EGW00001", 500, Verdict.UNKNOWN),
    ("EGW00002", 403, Verdict.UNKNOWN),
    ("EGW00202", 500, Verdict.UNKNOWN),
    ("EGW00203", 500, Verdict.UNKNOWN),
    ("EGW00300", 500, Verdict.UNKNOWN),
    ("EGW00301", 500, Verdict.UNKNOWN),
    ("EGW00302", 500, Verdict.UNKNOWN),
    ("OPSQ0009", 500, Verdict.UNKNOWN),
    ("APBK0952", 500, Verdict.UNKNOWN),
    ("ZZZ99999", 503, Verdict.UNKNOWN),
]


@pytest.mark.parametrize(("code", "status", "verdict"), VERDICTS)
def test_a_code_proves_or_does_not_prove_that_no_order_exists(code: str, status: int, verdict: Verdict) -> None:
    assert order_verdict(status, code, "주문 불가") is verdict


@pytest.mark.parametrize(("code", "status", "verdict"), VERDICTS)
async def test_an_order_becomes_what_the_code_proves(
    broker: KisBroker, kis: ScriptedKis, code: str, status: int, verdict: Verdict
) -> None:
    kis.answers("order-cash", failure(code, status, message="주문 불가"))

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    if verdict is Verdict.REJECTED:
        assert outcome == Rejected(code, "주문 불가")
    else:
        assert outcome == Unknown(f"order-cash: HTTP {status} {code} 주문 불가")
    assert len(kis.asked("order-cash")) == 1


@pytest.mark.parametrize("code", sorted(set(MEANINGS) - {"70070000"}))
async def test_a_query_raises_what_its_code_means(broker: KisBroker, kis: ScriptedKis, code: str) -> None:
    kis.answers("inquire-price", failure(code))

    with pytest.raises(TradingError) as raised:
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert isinstance(raised.value, ERRORS[meaning_of(code)])


def test_each_meaning_that_a_code_can_have_rules_orders_or_leaves_them_to_the_status() -> None:
    assert set(MEANINGS.values()) - set(ORDER_VERDICTS) == {Meaning.NO_ROWS}


BUSINESS = {
    "APBK0919": "주문일자가 다릅니다",
    "APBK0918": "장운영시간이 아닙니다",
    "APBK0656": "종목코드 오류",
    "APBK0952": "주문가능금액을 초과",
    "APBK0400": "주문가능수량을 초과",
    "APBK1234": "가능수량 부족",
    "APBK1943": "시장가 주문이 불가",
    "APBK3013": "지정가, 최유리, 최우선만 가능",
    "APBK3026": "종목정보를 확인할 수 없습니다",
    "APBK1664": "해외시장 개장 전",
    "APAC0081": "계좌번호 입력 오류",
    "APAC0489": "위탁계좌만 가능",
    "KIER3672": "예약주문은 16:40 – 08:30",
    "KIOK0320": "주문가능시간이 아닙니다",
    "40030000": "호가단위 오류",
    "40070000": "모의투자 주문처리가 안되었습니다(매매불가 종목)",
    "40100000": "모의투자 영업일이 아닙니다",
    "40240000": "모의투자 잔고내역이 없습니다",
    "40250000": "모의투자 주문가능금액이 부족합니다",
    "40270000": "상하한가 오류",
    "40310000": "모의투자 주문가능금액이 부족합니다",
    "40330000": "모의투자 정정/취소할 수량이 없습니다",
    "40570000": "모의투자 장시작전 입니다",
    "40580000": "모의투자 장종료 입니다",
    "40910000": "모의투자 주문이 불가한 계좌입니다",
    "90000000": "모의투자에서는 해당업무가 제공되지 않습니다",
}
"""Every business refusal of docs/kis.md §6.3, real and paper."""


@pytest.mark.parametrize(("code", "words"), sorted(BUSINESS.items()))
@pytest.mark.parametrize("rt_cd", ["1", "7"])
async def test_a_business_refusal_is_kept_in_kis_words_for_queries_and_orders(
    broker: KisBroker, kis: ScriptedKis, code: str, words: str, rt_cd: str
) -> None:
    kis.answers("order-cash", failure(code, 200, rt_cd, words))
    kis.answers("inquire-price", failure(code, 200, rt_cd, words))

    assert await broker.submit(an_intent(), Lane.ENTRY) == Rejected(code, words)
    with pytest.raises(BrokerRefusedError) as refused:
        await broker.instrument_status(SAMSUNG, Lane.SCAN)
    assert (refused.value.code, refused.value.message) == (code, words)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("초당 거래건수를 초과하였습니다.", RateLimitedError),
        ("조회 중 오류가 발생하였습니다. 다시 조회하시기 바랍니다.", BrokerUnavailableError),
        ("시스템 점검 중입니다.", BrokerUnavailableError),
    ],
)
async def test_words_mark_a_passing_fault_where_the_code_is_not_listed(
    broker: KisBroker, kis: ScriptedKis, words: str, error: type[TradingError]
) -> None:
    kis.answers("inquire-price", failure("ZZZZ0001", 200, "7", words))
    kis.answers("order-cash", failure("ZZZZ0001", 200, "7", words))

    with pytest.raises(error):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)
    assert await broker.submit(an_intent(), Lane.ENTRY) == Unknown(f"order-cash: HTTP 200 ZZZZ0001 {words}")


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_an_unlisted_code_that_speaks_of_too_many_calls_does_not_prove_that_no_order_exists(status: int) -> None:
    assert order_verdict(status, "ZZZZ0001", "초당 거래건수를 초과하였습니다.") is Verdict.UNKNOWN


def test_a_listed_code_is_believed_before_its_words() -> None:
    assert order_verdict(200, "OPSQ2000", "다시 조회") is Verdict.REJECTED


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["<html><body>502 Bad Gateway</body></html>", "", "점검 중", "[]", "null"])
async def test_a_gateways_own_page_is_a_passing_fault_and_leaves_an_order_unknown(
    broker: KisBroker, kis: ScriptedKis, status: int, body: str
) -> None:
    kis.answers("order-cash", httpx.Response(status, text=body))
    kis.answers("inquire-price", httpx.Response(status, text=body))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Unknown)
    with pytest.raises(BrokerUnavailableError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)


async def test_an_unlisted_code_with_success_status_is_a_refusal_in_kis_own_words(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    kis.answers("inquire-price", failure("APBK0656", 200, "7", "종목코드 오류"))

    with pytest.raises(BrokerRefusedError) as refused:
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert (refused.value.code, refused.value.message) == ("APBK0656", "종목코드 오류")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_query_may_be_tried_again_after_a_server_error(
    broker: KisBroker, kis: ScriptedKis, status: int
) -> None:
    kis.answers("inquire-price", failure("ZZZ99999", status))

    with pytest.raises(BrokerUnavailableError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)


@pytest.mark.parametrize("rt_cd", ["0", "7"])
async def test_nothing_to_display_is_an_empty_list(broker: KisBroker, kis: ScriptedKis, rt_cd: str) -> None:
    kis.answers("inquire-daily-ccld", failure("70070000", 200, rt_cd))

    assert await broker.orders_on(DAY, Lane.RESOLVE) == ()


async def test_success_is_never_judged_by_the_message_code(broker: KisBroker, kis: ScriptedKis) -> None:
    reply = success("D", output1=[], output2={})
    kis.answers("inquire-daily-ccld", reply)

    assert await broker.orders_on(DAY, Lane.RESOLVE) == ()


@pytest.mark.parametrize(
    ("code", "crowding"), [("EGW00201", Crowding.OURS), ("EGW00215", Crowding.LEDGER), ("EGW00301", Crowding.NONE)]
)
async def test_the_rate_budget_learns_what_a_reply_says_about_it(
    broker: KisBroker, kis: ScriptedKis, budget: Budget, code: str, crowding: Crowding
) -> None:
    kis.answers("order-cash", failure(code))
    kis.answers("inquire-price", failure(code))

    await broker.submit(an_intent(), Lane.ENTRY)
    with pytest.raises(TradingError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    by_token, by_order, *by_query = budget.learnt
    assert by_token is Crowding.NONE
    assert {by_order, *by_query} == {crowding}


async def test_the_rate_budget_learns_that_there_was_no_reply(
    broker: KisBroker, kis: ScriptedKis, budget: Budget
) -> None:
    kis.answers("order-cash", httpx.ReadTimeout("late"))
    kis.answers("inquire-price", httpx.ReadTimeout("late"))

    await broker.submit(an_intent(), Lane.ENTRY)
    with pytest.raises(BrokerUnavailableError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert budget.learnt == [Crowding.NONE, Crowding.UNKNOWN, Crowding.UNKNOWN]


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("잠시 후 다시조회 하십시오", Meaning.TRY_AGAIN),
        ("조회이후에 자료가 변경되었습니다.(다시  조회하세요)", Meaning.TRY_AGAIN),
        ("초당거래건수를 초과하였습니다", Meaning.RATE),
        ("유효하지 않은 Token 입니다.", Meaning.TOKEN),
        ("등록되지 않은 토큰입니다", Meaning.TOKEN),
        ("기간이 만료된 token 입니다.", Meaning.TOKEN),
        ("주문가능금액을 초과했습니다", Meaning.UNLISTED),
    ],
)
def test_words_of_an_unlisted_code_are_read_without_spaces(message: str, meaning: Meaning) -> None:
    assert meaning_of("ZZZ00001", message) is meaning


async def test_a_401_without_a_code_is_answered_with_a_new_token(
    broker: KisBroker, kis: ScriptedKis, tokens: Tokens
) -> None:
    tokens.stored = AccessToken("old", NOON + timedelta(hours=9))
    kis.answers("inquire-price", httpx.Response(401, text=""), success(output=a_price_row()))

    await broker.instrument_status(SAMSUNG, Lane.SCAN)

    used = [request.headers["authorization"] for request in kis.asked("inquire-price")]
    assert used == ["Bearer old", "Bearer token-1"]


async def test_a_401_without_an_envelope_proves_nothing_about_an_order(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-cash", httpx.Response(401, text=""))

    assert isinstance(await broker.submit(an_intent(), Lane.ENTRY), Unknown)


def test_words_about_a_token_prove_no_refusal_of_an_order() -> None:
    assert order_verdict(500, "ZZZ00001", "등록되지 않은 토큰입니다") is Verdict.UNKNOWN
