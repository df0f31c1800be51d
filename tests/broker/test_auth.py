"""One token for the fleet: renewed ahead of time, at most one request a minute, and never in a loop."""

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest

from broker.kis.auth import ISSUE_INTERVAL, RENEW_AHEAD, TokenKeeper
from broker.kis.wire import Wire
from broker.protocol import AccessToken
from domain.errors import BrokerProtocolError, BrokerUnavailableError, CredentialsRefusedError, RateLimitedError
from tests.broker.parts import NOON, Budget, ScriptedKis, Tokens, a_connection, token_reply, with_real_time

DAY_LONG = timedelta(hours=24)


class Fleet:
    """Processes that share a store, a clock and KIS."""

    def __init__(self, kis: ScriptedKis) -> None:
        self.now = NOON
        self.kis = kis
        self.tokens = Tokens(now=self.read_clock)

    def read_clock(self) -> datetime:
        return self.now

    def process(self) -> TokenKeeper:
        wire = Wire(with_real_time(a_connection(), self.read_clock), httpx.MockTransport(self.kis))
        return TokenKeeper(wire, Budget(), self.tokens)

    @property
    def asked(self) -> int:
        return len(self.kis.asked("tokenP"))


@pytest.fixture
def fleet(kis: ScriptedKis) -> Fleet:
    return Fleet(kis)


async def test_the_fleet_asks_for_one_token(fleet: Fleet) -> None:
    processes = [fleet.process() for _ in range(3)]

    handed_out = await asyncio.gather(*(process.token() for process in processes for _ in range(5)))

    assert {token.value for token in handed_out} == {"token-1"}
    assert fleet.asked == 1


async def test_the_end_is_read_in_seoul_time(fleet: Fleet) -> None:
    token = await fleet.process().token()

    assert token.expires_at == NOON + DAY_LONG


async def test_a_token_is_renewed_ahead_of_its_end(fleet: Fleet) -> None:
    process = fleet.process()
    first = await process.token()
    fleet.now = first.expires_at - RENEW_AHEAD

    renewed = await process.token()

    assert renewed.value == "token-2"


async def test_a_token_lives_on_while_its_renewal_fails(fleet: Fleet) -> None:
    process = fleet.process()
    first = await process.token()
    fleet.now = first.expires_at - RENEW_AHEAD
    fleet.kis.answers("tokenP", httpx.ConnectError("refused"))

    kept = [await process.token() for _ in range(3)]

    assert kept == [first] * 3
    assert fleet.asked == 2


async def test_a_token_renewed_by_another_process_is_taken_from_the_store(fleet: Fleet) -> None:
    here, there = fleet.process(), fleet.process()
    old = await here.token()
    fleet.now += ISSUE_INTERVAL
    there.forget(await there.token())
    await there.token()

    here.forget(old)

    assert (await here.token()).value == "token-2"
    assert fleet.asked == 2


async def test_a_late_refusal_of_an_old_token_leaves_the_new_one_alone(fleet: Fleet) -> None:
    process = fleet.process()
    old = await process.token()
    fleet.now += ISSUE_INTERVAL
    process.forget(old)
    new = await process.token()

    process.forget(old)

    assert await process.token() == new


async def test_a_second_token_within_a_minute_is_not_asked_for(fleet: Fleet) -> None:
    process = fleet.process()
    process.forget(await process.token())

    with pytest.raises(RateLimitedError, match="in 61 s"):
        await process.token()

    assert fleet.asked == 1


async def test_a_failed_attempt_counts_against_the_minute(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", httpx.ReadTimeout("late"), token_reply())
    process = fleet.process()
    with pytest.raises(BrokerUnavailableError):
        await process.token()

    with pytest.raises(RateLimitedError):
        await process.token()
    fleet.now += ISSUE_INTERVAL

    assert (await process.token()).value == "token-1"


async def test_an_attempt_that_never_left_this_machine_does_not_cost_a_minute(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", httpx.ConnectError("refused"), token_reply())

    with pytest.raises(BrokerUnavailableError):
        await fleet.process().token()
    fleet.now += timedelta(seconds=3)

    assert (await fleet.process().token()).value == "token-1"


async def test_kis_own_once_a_minute_says_how_long_to_wait(fleet: Fleet) -> None:
    body = {"error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)", "error_code": "EGW00133"}
    fleet.kis.answers("tokenP", httpx.Response(403, json=body))

    with pytest.raises(RateLimitedError, match=r"EGW00133 .* wait 61 s"):
        await fleet.process().token()


async def test_a_dead_token_handed_out_again_stops_everything_without_a_loop(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", token_reply("dead"))
    process = fleet.process()
    process.forget(await process.token())

    for _ in range(5):
        fleet.now += ISSUE_INTERVAL
        process.forget(await process.token())
        with pytest.raises(CredentialsRefusedError, match="same token that it refuses"):
            await process.token()

    assert fleet.asked == 2
    assert "same token that it refuses" in process.refusal


async def test_a_refused_token_is_tried_once_a_minute_and_good_again_when_kis_takes_it(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", token_reply("doubted"))
    process = fleet.process()
    process.forget(await process.token())
    fleet.now += ISSUE_INTERVAL
    process.forget(await process.token())
    with pytest.raises(CredentialsRefusedError):
        await process.token()

    fleet.now += ISSUE_INTERVAL
    process.forget(await process.token())
    with pytest.raises(CredentialsRefusedError):
        await process.token()
    assert process.refusal != ""

    fleet.now += ISSUE_INTERVAL
    assert [(await process.token()).value for _ in range(3)] == ["doubted"] * 3
    assert process.refusal == ""
    assert fleet.asked == 2


async def test_a_token_that_kis_issues_again_is_tried_at_once(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", token_reply("doubted"))
    process = fleet.process()
    doubted = await process.token()
    fleet.now += ISSUE_INTERVAL
    process.forget(doubted)

    again = await process.token()

    assert (again.value, process.refusal) == ("doubted", "")


async def test_a_403_without_a_code_means_too_early_and_does_not_bar_the_keys(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", httpx.Response(403, text=""), token_reply())

    with pytest.raises(RateLimitedError):
        await fleet.process().token()
    fleet.now += ISSUE_INTERVAL

    assert (await fleet.process().token()).value == "token-1"


async def test_after_six_hours_a_new_token_ends_the_bar(fleet: Fleet) -> None:
    fleet.kis.answers("tokenP", token_reply("dead"), token_reply("dead"), token_reply("fresh", timedelta(hours=30)))
    process = fleet.process()
    process.forget(await process.token())
    fleet.now += ISSUE_INTERVAL
    process.forget(await process.token())
    with pytest.raises(CredentialsRefusedError):
        await process.token()

    fleet.now = NOON + timedelta(hours=6)

    assert (await process.token()).value == "fresh"
    assert process.refusal == ""


@pytest.mark.parametrize("code", ["EGW00103", "EGW00105", "EGW00304", "EGW09999"])
async def test_wrong_keys_are_not_tried_again_and_again(fleet: Fleet, code: str) -> None:
    fleet.kis.answers("tokenP", httpx.Response(403, json={"error_code": code, "error_description": "유효하지 않은"}))
    process = fleet.process()

    for _ in range(3):
        with pytest.raises(CredentialsRefusedError, match=code):
            await process.token()
        fleet.now += ISSUE_INTERVAL

    assert fleet.asked == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(500, text="<html>"), BrokerUnavailableError),
        (httpx.Response(200, json={}), BrokerProtocolError),
        (httpx.Response(200, json={"access_token": "abc"}), BrokerProtocolError),
        (httpx.Response(200, json={"access_token": "a b\n", "access_token_token_expired": "2026-11-24 12:00:00"}),
         BrokerProtocolError),
        (httpx.Response(200, json={"access_token": "abc", "access_token_token_expired": "soon"}), BrokerProtocolError),
        (token_reply("ended", timedelta(0)), BrokerProtocolError),
        (httpx.Response(500, json={"rt_cd": "1", "msg_cd": "IGW00007", "msg1": ""}), BrokerProtocolError),
    ],
)  # fmt: skip
async def test_a_reply_without_a_usable_token_is_no_token(
    fleet: Fleet, reply: httpx.Response, error: type[Exception]
) -> None:
    fleet.kis.answers("tokenP", reply)

    with pytest.raises(error):
        await fleet.process().token()

    assert fleet.tokens.stored is None


async def test_a_stored_token_is_used_without_asking(fleet: Fleet) -> None:
    fleet.tokens.stored = AccessToken("kept", NOON + timedelta(hours=2))

    assert (await fleet.process().token()).value == "kept"
    assert fleet.asked == 0
