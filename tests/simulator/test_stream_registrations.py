"""Registration rules: every refusal code, one session per app key, HTS ids, approval keys."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from simulator.app import create_app
from simulator.approvals import ApprovalDesk
from simulator.settings import StreamSettings
from tests.simulator.market_day import KEY, SAMSUNG, SECRET, THIN, a_simulation
from tests.simulator.streaming import Listener, Venue, a_listener, a_venue

HYNIX = "000660"


def a_message(approval: str, header: dict[str, str | None], given: dict[str, str | None]) -> str:
    """Return a registration of Samsung's trades with some parts replaced or omitted (None)."""
    head = {"approval_key": approval, "custtype": "P", "tr_type": "1", "content-type": "utf-8"} | header
    body = {"tr_id": "H0STCNT0", "tr_key": SAMSUNG} | given
    kept = [{name: value for name, value in part.items() if value is not None} for part in (head, body)]
    return json.dumps({"header": kept[0], "body": {"input": kept[1]}})


async def said(listener: Listener, text: str) -> tuple[str, str, str, str]:
    await listener.socket.send(text)
    reply = await listener.reply()
    return reply["tr_id"], reply["rt_cd"], reply["msg_cd"], reply["msg1"]


async def test_every_malformed_registration_has_its_code() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        key = listener.approval
        texts = {
            "no json": "OPSP9999",
            "[]": "OPSP9999",
            "{}": "OPSP9998",
            '{"header": {}}': "OPSP9992",
            '{"header": {}, "body": {}}': "OPSP9991",
            a_message(key, {"custtype": None}, {}): "OPSP9997",
            a_message(key, {"custtype": "X"}, {}): "OPSP8998",
            a_message(key, {"tr_type": "0"}, {}): "OPSP8997",
            a_message(key, {"tr_type": None}, {}): "OPSP8997",
            a_message(key, {}, {"tr_id": "H0STCNT9"}): "OPSP8991",
            a_message(key, {}, {"tr_id": "H0STCNI9"}): "OPSP8991",
            a_message(key, {}, {"tr_key": None}): "OPSP9990",
            a_message(key, {}, {"tr_key": "000000"}): "OPSP8992",
            a_message(key, {}, {"tr_id": "H0STCNI0", "tr_key": " "}): "OPSP8992",
            a_message("nonsense", {}, {}): "OPSP0011",
        }

        replies = [await said(listener, text) for text in texts]

    assert [reply[2] for reply in replies] == list(texts.values())
    assert {reply[:2] for reply in replies} == {("(null)", "9")}


async def test_a_subscription_hands_out_key_and_iv_and_only_notices_are_encrypted() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        trades, notices = await listener.asks("H0STCNT0", SAMSUNG), await listener.asks("H0STCNI0", "me")
        ended = await listener.asks("H0STCNT0", SAMSUNG, tr_type="2")

    assert (trades["encrypt"], notices["encrypt"]) == ("N", "Y")
    assert (trades["msg_cd"], trades["msg1"]) == ("OPSP0000", "SUBSCRIBE SUCCESS")
    assert trades["output"] == notices["output"]
    assert (len(trades["output"]["key"]), len(trades["output"]["iv"])) == (32, 16)
    assert (ended["msg_cd"], ended["msg1"]) == ("OPSP0001", "UNSUBSCRIBE SUCCESS")
    assert "output" not in ended


async def test_key_and_iv_are_fresh_in_every_session() -> None:
    async with a_venue() as venue:
        async with await a_listener(venue) as first:
            one = await first.asks("H0STCNT0", SAMSUNG)
        async with await a_listener(venue) as second:
            other = await second.asks("H0STCNT0", SAMSUNG)

    assert one["output"] != other["output"]


async def test_what_is_registered_twice_or_not_at_all_is_named_in_the_refusal() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        twice = await listener.asks("H0STCNT0", SAMSUNG)
        missing = await listener.asks("H0STASP0", SAMSUNG, tr_type="2")

    assert (twice["tr_id"], twice["tr_key"], twice["rt_cd"], twice["msg_cd"]) == ("H0STCNT0", SAMSUNG, "1", "OPSP0002")
    assert (missing["rt_cd"], missing["msg_cd"]) == ("1", "OPSP0003")


async def test_the_42nd_registration_is_one_too_many() -> None:
    topics = ("H0STCNT0", "H0UNCNT0", "H0STASP0", "H0STANC0", "H0STMKO0")
    async with a_venue(listings=9) as venue, await a_listener(venue) as listener:
        wanted = [(topic, symbol) for topic in topics for symbol in venue.simulation.exchange.tapes][:42]
        codes = [(await listener.asks(*registration))["msg_cd"] for registration in wanted]

        await listener.asks(*wanted[0], tr_type="2")
        after = await listener.asks(*wanted[-1])

    assert codes == ["OPSP0000"] * 41 + ["OPSP0008"]
    assert after["msg_cd"] == "OPSP0000"


async def test_the_first_hts_id_of_an_app_key_is_the_right_one() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNI0", "Haru01")
        await listener.asks("H0STCNI0", "Haru01", tr_type="2")
        other = await listener.asks("H0STCNI0", "haru01")

    assert (other["tr_id"], other["rt_cd"], other["msg_cd"]) == ("(null)", "9", "OPSP0017")


async def test_settings_may_name_the_only_hts_id() -> None:
    async with a_venue(stream=StreamSettings(hts_id="right")) as venue, await a_listener(venue) as listener:
        wrong, right = await listener.asks("H0STCNI0", "wrong"), await listener.asks("H0STCNI0", "right")

    assert (wrong["msg_cd"], right["msg_cd"]) == ("OPSP0017", "OPSP0000")


async def test_a_second_session_of_an_app_key_is_refused_and_closed() -> None:
    async with a_venue() as venue, await a_listener(venue) as first, await a_listener(venue) as second:
        await first.asks("H0STCNT0", SAMSUNG)

        refused = await second.asks("H0STCNT0", HYNIX)
        await asyncio.wait_for(second.socket.wait_closed(), 2)

        assert (refused["tr_id"], refused["msg_cd"]) == ("(null)", "OPSP8996")
        assert (await first.asks("H0STCNT0", HYNIX))["msg_cd"] == "OPSP0000"


async def lost_without_a_close_frame(venue: Venue) -> None:
    listener = await a_listener(venue)
    await listener.asks("H0STCNT0", SAMSUNG)
    listener.socket.transport.abort()
    while (await venue.http.get(f"{venue.url()}/control/stream")).json()["sessions"]:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("linger", "code"), [(0.0, "OPSP0000"), (30.0, "OPSP8996")])
async def test_an_unclean_loss_may_hold_the_app_key_for_a_while(linger: float, code: str) -> None:
    async with a_venue(stream=StreamSettings(linger=linger)) as venue:
        await lost_without_a_close_frame(venue)

        async with await a_listener(venue) as listener:
            assert (await listener.asks("H0STCNT0", SAMSUNG))["msg_cd"] == code


async def test_a_close_frame_frees_the_app_key_at_once() -> None:
    async with a_venue(stream=StreamSettings(linger=30.0)) as venue:
        async with await a_listener(venue) as first:
            await first.asks("H0STCNT0", SAMSUNG)
        async with await a_listener(venue) as second:
            assert (await second.asks("H0STCNT0", SAMSUNG))["msg_cd"] == "OPSP0000"


async def test_a_session_keeps_to_one_app_key() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        listener.approval = await venue.approval("x" * 36)

        assert (await listener.asks("H0STCNT0", HYNIX))["msg_cd"] == "OPSP9994"


def test_an_approval_key_lives_a_day() -> None:
    desk, morning = ApprovalDesk(interval=1.0), datetime(2026, 11, 23, tzinfo=UTC)
    key = desk.issue(KEY, morning)

    assert desk.issue(KEY, morning + timedelta(hours=23)) == key
    assert desk.app_key_of(key.text, morning + timedelta(hours=23)) == KEY
    assert desk.app_key_of(key.text, morning + timedelta(hours=24)) is None
    assert desk.issue(KEY, morning + timedelta(hours=24)) != key


async def test_approval_keys_are_issued_once_a_second() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    app = create_app(a_simulation(now=lambda: now))
    body: dict[str, Any] = {"grant_type": "client_credentials", "appkey": KEY, "secretkey": SECRET}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as http:
        first = await http.post("/oauth2/Approval", json=body)
        second = await http.post("/oauth2/Approval", json=body)
        unknown = await http.post("/oauth2/Approval", json=body | {"secretkey": "t" * 180})

    assert len(first.json()["approval_key"]) == 36
    assert (second.status_code, second.json()["msg_cd"]) == (500, "EGW00201")
    assert (unknown.status_code, unknown.json()["error_code"]) == (403, "EGW00105")


async def test_control_shows_the_sessions_and_changes_the_settings() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)

        shown = await venue.control("/stream", {"registrations": 1})
        refused = await venue.control("/stream", {"linger": 5, "records": 0})

        assert shown["sessions"][0]["registrations"] == [["H0STCNT0", SAMSUNG]]
        assert (await listener.asks("H0STCNT0", HYNIX))["msg_cd"] == "OPSP0008"
        assert refused == {"error": "records must be a whole number above 0, not 0"}
        assert venue.simulation.settings.stream.linger == 0


async def test_a_stock_that_is_not_listed_here_is_an_invalid_key() -> None:
    async with a_venue(listings=1) as venue, connect(venue.url("ws"), proxy=None) as socket:
        listener = Listener(socket, await venue.approval())

        assert (await listener.asks("H0STASP0", THIN))["msg_cd"] == "OPSP8992"
