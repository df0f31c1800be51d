"""Keys, tokens and account numbers appear nowhere: not in a repr, a log line, an exception or its traceback."""

import logging
import traceback
from dataclasses import asdict, replace

import httpx
import pytest
from pydantic import SecretStr

from broker.kis import KisBroker
from domain.errors import EnvironmentMismatchError, TradingError
from domain.hosts import REST_URLS
from domain.identity import Environment
from domain.lane import Lane
from domain.order import Rejected
from tests.broker.parts import (
    ACCOUNT,
    APP_KEY,
    APP_SECRET,
    SAMSUNG,
    ScriptedKis,
    a_connection,
    a_holding_row,
    an_intent,
    failure,
    success,
    token_reply,
)

SECRETS = (APP_KEY, APP_SECRET, ACCOUNT)


def shows_a_secret(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def test_a_connection_does_not_show_its_secrets() -> None:
    connection = a_connection()

    assert not shows_a_secret(f"{connection} {connection!r} {asdict(connection)}")


def test_a_broker_does_not_show_its_secrets(broker: KisBroker) -> None:
    assert not shows_a_secret(f"{broker!r} {broker._wires!r} {vars(broker)}")


async def test_the_log_names_the_path_but_not_the_account(
    broker: KisBroker, kis: ScriptedKis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    kis.answers("inquire-balance", success("D", output1=[], output2=[{"prvs_rcdl_excc_amt": "1"}]))
    kis.answers("order-cash", failure("APBK0919", 200))

    await broker.balance(Lane.RESOLVE)
    await broker.submit(an_intent(), Lane.ENTRY)

    assert "inquire-balance" in caplog.text
    assert not shows_a_secret(caplog.text)


@pytest.mark.parametrize(
    "reply",
    [
        failure("EGW00304", message=f"고객식별키 {APP_SECRET} 오류"),
        failure("OPSQ2000", 200, "2", f"INVALID_CHECK_ACNO {ACCOUNT}"),
        failure(ACCOUNT, 200, "1", f"계좌 {ACCOUNT}"),
        failure("EGW00001", message=APP_KEY),
        httpx.ReadTimeout(f"late: {ACCOUNT}"),
    ],
)
async def test_an_error_does_not_show_them_even_if_kis_does(
    broker: KisBroker, kis: ScriptedKis, reply: httpx.Response | Exception
) -> None:
    kis.answers("inquire-balance", reply)

    with pytest.raises(TradingError) as raised:
        await broker.balance(Lane.RESOLVE)

    assert not shows_a_secret("".join(traceback.format_exception(raised.value)))


async def test_a_token_that_kis_repeats_is_masked(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("tokenP", token_reply("opaque-token-of-today"))
    kis.answers("order-cash", failure("APAC0081", 200, "7", "토큰 opaque-token-of-today 만료"))

    assert await broker.submit(an_intent(), Lane.ENTRY) == Rejected("APAC0081", "토큰 *** 만료")


async def test_an_unreadable_row_does_not_show_them_even_if_kis_does(broker: KisBroker, kis: ScriptedKis) -> None:
    odd = a_holding_row(hldg_qty=ACCOUNT + "?", prdt_name=APP_SECRET)
    kis.answers("inquire-balance", success("D", output1=[odd], output2=[{"prvs_rcdl_excc_amt": "5"}]))

    balance = await broker.balance(Lane.RESOLVE)

    assert len(balance.unreadable) == 1
    assert not shows_a_secret(repr(balance))


async def test_an_outcome_does_not_show_them_even_if_kis_does(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("order-cash", failure("APAC0081", 200, "7", f"계좌번호 {ACCOUNT} 오류\n\x00"))

    assert await broker.submit(an_intent(), Lane.ENTRY) == Rejected("APAC0081", "계좌번호 *** 오류")


async def test_requests_carry_them_only_where_kis_wants_them(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-price", failure("EGW00001"))

    with pytest.raises(TradingError):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)

    request = kis.asked("inquire-price")[0]
    assert (request.headers["appkey"], request.headers["appsecret"]) == (APP_KEY, APP_SECRET)
    assert not shows_a_secret(str(request.url))


@pytest.mark.parametrize("number", ["", "1234567", "123456789", "1234567a", "१२३४५६७८"])
def test_an_account_number_has_eight_digits(number: str) -> None:
    with pytest.raises(ValueError, match="first eight digits"):
        replace(a_connection(), account_number=SecretStr(number))


@pytest.mark.parametrize("secret", ["", "abc\n", "ab c", "äbc"])
def test_a_key_that_was_copied_badly_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="app_key is empty or holds") as wrong_key:
        replace(a_connection(), app_key=SecretStr(secret))
    with pytest.raises(ValueError, match="app_secret is empty or holds") as wrong_secret:
        replace(a_connection(), app_secret=SecretStr(secret))

    assert not secret or secret not in f"{wrong_key.value} {wrong_secret.value}"


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (Environment.SIMULATED, REST_URLS[Environment.LIVE]),
        (Environment.SIMULATED, REST_URLS[Environment.PAPER]),
        (Environment.PAPER, REST_URLS[Environment.LIVE]),
        (Environment.LIVE, REST_URLS[Environment.PAPER]),
        (Environment.SIMULATED, ""),
    ],
)
def test_no_environment_speaks_to_the_host_of_another(environment: Environment, url: str) -> None:
    with pytest.raises(EnvironmentMismatchError):
        replace(a_connection(), environment=environment, trading_url=url)
