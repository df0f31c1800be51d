"""Section 7: connecting, subscribing, keeping alive."""

import asyncio
import json
import re
from itertools import product
from typing import Any

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.quotations import SYMBOL
from tools.conformance.fact import fact
from tools.conformance.kis import Kis
from tools.conformance.stream import Stream, session, the_session

TRADES, BOOK = "H0STCNT0", "H0STASP0"
_PING_LIMIT = 25.0
_LARGEST_CONTROL_FRAME = 125
_MOST = 41
_STOCKS = (
    *("005930", "000660", "373220", "207940", "005380", "000270", "068270", "105560"),
    *("035420", "035720", "012330", "005490", "051910", "006400", "034020", "042660"),
    *("010140", "015760", "011200", "003490", "009830", "272210"),
)
_DATETIME = re.compile(r"\d{14}")
_SECOND = 1.0  # the limit of Approval


def notices(kis: Kis) -> str:
    """Return the TR id of order notices on this service."""
    return "H0STCNI9" if kis.is_paper else "H0STCNI0"


async def _trades(kis: Kis) -> dict[str, Any]:
    stream = await the_session(kis)
    return await kis.once("trades", lambda: stream.asks(TRADES, SYMBOL))


@fact("7.1", "O C T")
async def a_session_opens_at_any_path(kis: Kis) -> None:
    """The WebSocket takes /tryitout, /tryitout/<TR_ID> and the bare host."""
    for path in ("", f"/tryitout/{TRADES}"):
        opened = await session(kis, path)
        await opened.connection.close()


@fact("6.3", "O")
async def an_unknown_approval_key_is_opsp0011(kis: Kis) -> None:
    """Subscribing with an unknown approval key: OPSP0011, rt_cd other than 0."""
    stream = await session(kis)

    reply = await stream.asks(TRADES, SYMBOL, approval_key="0" * 36)
    await stream.connection.close()

    expect(reply["body"]["msg_cd"] == "OPSP0011" and reply["body"]["rt_cd"] != "0", reply)


@fact("7.2", "O")
async def a_subscription_answers_with_key_and_iv(kis: Kis) -> None:
    """Subscribing answers OPSP0000 with tr_id, tr_key, encrypt N, and an iv of 16 and a key of 32 characters."""
    reply = await _trades(kis)

    header, body = reply["header"], reply["body"]
    expect((header["tr_id"], header["tr_key"], header["encrypt"]) == (TRADES, SYMBOL, "N"), header)
    expect((body["rt_cd"], body["msg_cd"], body["msg1"]) == ("0", "OPSP0000", "SUBSCRIBE SUCCESS"), body)
    lengths = len(body["output"]["iv"]), len(body["output"]["key"])
    expect(lengths == (16, 32), lengths)


@fact("7.2", "O M")
async def a_second_subscription_is_opsp0002(kis: Kis) -> None:
    """Subscribing the same again: OPSP0002, rt_cd 1."""
    await _trades(kis)

    reply = await (await the_session(kis)).asks(TRADES, SYMBOL)

    expect((reply["body"]["rt_cd"], reply["body"]["msg_cd"]) == ("1", "OPSP0002"), reply)


@fact("7.2", "O")
async def an_end_of_a_subscription_is_opsp0001(kis: Kis) -> None:
    """Ending a subscription (tr_type 2): OPSP0001 and a message that begins with UNSUB; ending it again: OPSP0003."""
    stream = await the_session(kis)
    await stream.asks(BOOK, SYMBOL)

    ended, again = await stream.asks(BOOK, SYMBOL, ends=True), await stream.asks(BOOK, SYMBOL, ends=True)

    expect(ended["body"]["msg_cd"] == "OPSP0001" and ended["body"]["msg1"].startswith("UNSUB"), ended)
    expect(again["body"]["msg_cd"] == "OPSP0003", again)


@fact("7.2", "C")
async def mojito_names_a_personalseckey(kis: Kis) -> None:
    """A header with personalseckey 1 is taken."""
    stream = await the_session(kis)

    reply = await stream.asks(BOOK, SYMBOL, personalseckey="1")
    await stream.asks(BOOK, SYMBOL, ends=True)

    expect(reply["body"]["rt_cd"] == "0", reply)


@fact("7.2", "T")
async def notices_are_declared_encrypted(kis: Kis) -> None:
    """Subscribing to order notices by HTS id answers encrypt Y: the official client decrypts only then."""
    reply = await notice_reply(kis)

    expect(reply["header"]["encrypt"] == "Y", reply["header"]["encrypt"])


@fact("6.3", "M")
async def a_wrong_hts_id_is_opsp0017(kis: Kis) -> None:
    """Order notices of another HTS id: OPSP0017, rt_cd 9, tr_id (null)."""
    await notice_reply(kis)

    reply = await (await the_session(kis)).asks(notices(kis), f"{kis.access.hts_id}x")

    seen = reply["body"]["msg_cd"], reply["body"]["rt_cd"], reply["header"]["tr_id"]
    expect(seen == ("OPSP0017", "9", "(null)"), reply)


@fact("8.2", "T")
async def a_later_approval_key_serves_the_same_session(kis: Kis) -> None:
    """An approval key fetched again is taken in a session that began with another: python-kis fetches one each time."""
    await asyncio.sleep(_SECOND)
    body = {"grant_type": "client_credentials", "appkey": kis.access.app_key, "secretkey": kis.access.app_secret}
    fresh = await kis.oauth("Approval", body)
    if "approval_key" not in fresh.body:
        raise CannotAskError(f"no second approval key: HTTP {fresh.status} {fresh.code}")
    stream = await the_session(kis)

    reply = await stream.asks(BOOK, SYMBOL, approval_key=fresh.body["approval_key"])
    await stream.asks(BOOK, SYMBOL, ends=True)

    expect(reply["body"]["rt_cd"] == "0", reply)


@fact("7.1", "M")
async def a_second_session_is_opsp8996(kis: Kis) -> None:
    """A second session of one app key: OPSP8996, rt_cd 9, tr_id (null)."""
    await _trades(kis)
    second = await session(kis)

    reply = await second.asks(TRADES, "000660")
    await second.connection.close()

    seen = reply["body"]["msg_cd"], reply["body"]["rt_cd"], reply["header"]["tr_id"]
    expect(seen == ("OPSP8996", "9", "(null)"), reply)


@fact("7.3", "M")
async def a_ping_is_a_short_text(kis: Kis) -> None:
    """A PINGPONG comes within 25 s: a text of at most 125 bytes with a datetime of 14 digits and no body."""
    stream = await the_session(kis)
    await _trades(kis)

    text = await kis.once("ping", lambda: stream.ping(_PING_LIMIT))

    message = json.loads(text)
    expect("body" not in message and len(text.encode()) <= _LARGEST_CONTROL_FRAME, text)
    expect(_DATETIME.fullmatch(message["header"]["datetime"]) is not None, text)


@fact("7.3", "O C T")
async def a_ping_may_be_answered_by_text_or_by_pong(kis: Kis) -> None:
    """The session goes on after the PINGPONG text was sent back as text, and as the content of a PONG frame."""
    stream = await the_session(kis)
    await _trades(kis)
    text = await kis.once("ping", lambda: stream.ping(_PING_LIMIT))

    for answer in (stream.connection.send, stream.connection.pong):
        await answer(text)
        await _still_answers(stream)


@fact("6.1", "O M")
async def the_42nd_registration_is_opsp0008(kis: Kis) -> None:
    """A session takes 41 registrations; the next one is refused with OPSP0008, MAX SUBSCRIBE OVER."""
    stream = await the_session(kis)
    before = await _registered(kis)
    taken: list[tuple[str, str]] = []
    reply = await _trades(kis)
    for wish in product((TRADES, BOOK), _STOCKS):
        reply = await stream.asks(*wish)
        if reply["body"]["msg_cd"] == "OPSP0000":
            taken.append(wish)
        elif reply["body"]["msg_cd"] != "OPSP0002":
            break
        await asyncio.sleep(kis.access.pace / 10)
    for wish in taken:
        await stream.asks(*wish, ends=True)

    expect(reply["body"]["msg_cd"] == "OPSP0008", reply)
    expect(before + len(taken) == _MOST, f"{before + len(taken)} registrations")


async def notice_reply(kis: Kis) -> dict[str, Any]:
    """Return the reply to the conversation's subscription of order notices."""
    stream = await the_session(kis)
    return await kis.once("notices", lambda: stream.asks(notices(kis), kis.access.hts_id))


async def _registered(kis: Kis) -> int:
    """Return how many registrations the conversation's session holds: trades of one stock, and notices if taken."""
    held = (await _trades(kis), await notice_reply(kis))
    return sum(reply["body"]["rt_cd"] == "0" for reply in held)


async def _still_answers(stream: Stream) -> None:
    reply = await stream.asks(TRADES, SYMBOL)
    expect(reply["body"]["msg_cd"] == "OPSP0002", reply)
