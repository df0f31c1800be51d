"""Section 7: data frames, and the notices of our own orders."""

import re
from typing import Final, NamedTuple

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.orders import cancel_first_order, first_order
from tools.conformance.checks.quotations import SYMBOL
from tools.conformance.checks.subscriptions import BOOK, TRADES, notice_reply, notices
from tools.conformance.clock import today
from tools.conformance.fact import Need, fact
from tools.conformance.kis import Kis
from tools.conformance.stream import Frame, decrypted, session, the_session

_TRADE_FIELDS: Final = 47
_BOOK_FIELDS: Final = 63
_NOTICE_FIELDS: Final = {"real": 26, "paper": 23}
_LIMIT: Final = 15.0
_COUNT = re.compile(r"\d{3}")
_TEN_DIGITS = re.compile(r"\d{10}")


class Notice(NamedTuple):
    """What matters of an order notice, by its place from the left."""

    fields: list[str]

    def at(self, place: int) -> str:
        return self.fields[place]

    @property
    def number(self) -> str:
        return self.at(2)

    @property
    def original(self) -> str:
        return self.at(3)


async def _trade(kis: Kis) -> Frame:
    stream = await the_session(kis)
    await kis.once("trades", lambda: stream.asks(TRADES, SYMBOL))
    return await kis.once("trade", lambda: stream.frame(TRADES, _LIMIT))


async def _book(kis: Kis) -> Frame:
    stream = await the_session(kis)
    await kis.once("books", lambda: stream.asks(BOOK, SYMBOL))
    return await kis.once("streamed book", lambda: stream.frame(BOOK, _LIMIT))


async def _notice(kis: Kis, number: str) -> tuple[Frame, Notice]:
    """Return the first notice of an order, in a frame as it came."""
    stream = await the_session(kis)
    secret = (await notice_reply(kis))["body"].get("output")
    if secret is None:
        raise CannotAskError("the subscription of notices was refused")
    while True:
        frame = await stream.frame(notices(kis), _LIMIT)
        notice = Notice(decrypted(frame.payload, secret["key"], secret["iv"]).split("^"))
        if notice.number == number:
            return frame, notice


async def _acceptance(kis: Kis) -> tuple[Frame, Notice]:
    await notice_reply(kis)
    number = (await first_order(kis)).output["ODNO"]
    return await kis.once("acceptance", lambda: _notice(kis, number))


@fact("7.4", "O", Need.SESSION)
async def a_frame_has_four_parts(kis: Kis) -> None:
    """A data frame is 0|TR id|count of three digits|fields joined by ^, count times as many fields as a record has."""
    frame = await _trade(kis)

    expect(frame.encrypted == "0" and _COUNT.fullmatch(frame.count) is not None, frame)
    count = len(frame.payload.split("^"))
    expect(count % int(frame.count) == 0, f"{count} fields for {frame.count} records")


@fact("7.5", "O T", Need.SESSION)
async def a_trade_has_47_fields(kis: Kis) -> None:
    """H0STCNT0 has 47 fields since 2026-09-14: first the code, HHMMSS and the price; field 33 is the date."""
    frame = await _trade(kis)

    fields = frame.payload.split("^")
    expect(len(fields) == _TRADE_FIELDS * int(frame.count), f"{len(fields)} fields, count {frame.count}")
    expect(fields[0] == SYMBOL and len(fields[1]) == 6 and int(fields[2]) > 0, fields[:3])
    expect(fields[33] == await today(kis), fields[33])


@fact("7.6", "O", Need.SESSION)
async def a_streamed_book_has_63_fields(kis: Kis) -> None:
    """H0STASP0 has 63 fields since 2026-09-14: asks rise from field 3 on, bids fall from field 13 on."""
    frame = await _book(kis)

    fields = frame.payload.split("^")
    expect(len(fields) == _BOOK_FIELDS * int(frame.count), f"{len(fields)} fields, count {frame.count}")
    asks, bids = [[int(field) for field in fields[first : first + 10] if int(field)] for first in (3, 13)]
    expect(asks == sorted(asks) and bids == sorted(bids, reverse=True), f"{asks} {bids}")


@fact("7.7", "O C T", Need.ORDERS, Need.SESSION)
async def a_notice_is_aes_256_cbc(kis: Kis) -> None:
    """A notice is 1|TR id|001|base64, decrypted with the reply's key and iv as they are."""
    frame, _ = await _acceptance(kis)

    expect((frame.encrypted, frame.count) == ("1", "001"), frame)


@fact("7.7", "O C M", Need.ORDERS, Need.SESSION)
async def a_notice_has_26_or_23_fields(kis: Kis) -> None:
    """A notice has 26 fields on the real service, 23 on paper."""
    _, notice = await _acceptance(kis)

    expect(len(notice.fields) == _NOTICE_FIELDS[kis.access.service], f"{len(notice.fields)} fields")


@fact("7.7", "M", Need.ORDERS, Need.SESSION)
async def an_acceptance_looks_like_a_fill_but_for_two_fields(kis: Kis) -> None:
    """An acceptance has CNTG_YN 1 and ACPT_YN 1, the ordered quantity and the order's price, and no rejection."""
    _, notice = await _acceptance(kis)

    seen = {"CNTG_YN": notice.at(13), "ACPT_YN": notice.at(14), "RFUS_YN": notice.at(12), "side": notice.at(4)}
    expect(seen == {"CNTG_YN": "1", "ACPT_YN": "1", "RFUS_YN": "0", "side": "02"}, seen)
    expect(int(notice.at(9)) == 1 and int(notice.at(10)) > 0, notice.fields[9:11])
    expect(
        notice.at(8).strip() in (SYMBOL, f"0{SYMBOL}") and _TEN_DIGITS.fullmatch(notice.number) is not None,
        notice.at(8),
    )


@fact("7.7", "M", Need.ORDERS, Need.SESSION)
async def a_cancel_is_confirmed_under_its_own_number(kis: Kis) -> None:
    """A cancel's notice has its own number, the original's in OODER_NO, RCTF_CLS 2, CNTG_YN 1 and ACPT_YN 2."""
    await _acceptance(kis)
    cancel = await cancel_first_order(kis)
    if not cancel.is_success:
        raise CannotAskError(f"the cancel was refused: {cancel}")

    _, notice = await _notice(kis, cancel.output["ODNO"])

    expect(notice.original.lstrip("0") == (await first_order(kis)).output["ODNO"].lstrip("0"), notice.original)
    seen = {"RCTF_CLS": notice.at(5), "CNTG_YN": notice.at(13), "ACPT_YN": notice.at(14)}
    expect(seen == {"RCTF_CLS": "2", "CNTG_YN": "1", "ACPT_YN": "2"}, seen)


@fact("7.1", "-")
async def after_a_clean_close_the_key_is_free(kis: Kis) -> None:
    """After a session was closed with a close frame another one of the same app key can subscribe at once."""
    first = await the_session(kis)
    await first.connection.close()
    second = await session(kis)

    reply = await second.asks(TRADES, SYMBOL)
    await second.connection.close()

    expect(reply["body"]["msg_cd"] == "OPSP0000", reply)
