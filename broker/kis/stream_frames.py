"""Conversion of KIS's WebSocket texts to our values (docs/kis.md §7): pure."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from domain.clock import KST
from domain.errors import StreamLostError
from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity, Won
from domain.stream import Garbled, NoticeKind, OrderNotice

Made = TypeVar("Made")

TICKS: Final = "H0STCNT0"
"""The TR id of real-time trades, the same on every service."""
PING: Final = "PINGPONG"

_TICK_WIDTH: Final = 46
_NOTICE_WIDTH: Final = 23
"""Minimum number of fields of a record; KIS has appended fields in the past, and its paper notices have fewer."""
_EXPECTATIONS: Final = frozenset({"A", "B", "C", "D"})
"""HOUR_CLS_CODE of an expected auction price: no trade happened at it, and it decides nothing."""
_MOST_RECORDS: Final = 999
_LONGEST_CONTROL: Final = 16_384
"""Characters of a control message; KIS's have some 500."""
_SYMBOL: Final = re.compile(r"[0-9A-Z]{6,7}")
_NUMBER: Final = re.compile(r"([0-9]{1,16})(?:\.0*)?")
_STAMP: Final = re.compile(r"2[0-9]{13}")
_FRAME: Final = re.compile(r"([01])\|([0-9A-Z]{1,13})\|([0-9]{1,3})\|(.*)", re.DOTALL)
_SIDES: Final = {"01": Side.SELL, "02": Side.BUY}
_BLOCK_BITS: Final = 128


class FrameError(ValueError):
    """A text that does not match KIS's documents; the message names the fault, never the content."""


class UndecryptableError(StreamLostError):
    """A notice that this session's key cannot decrypt. If this is true of all, only a new session has the right key."""


@dataclass(frozen=True, slots=True)
class Cipherment:
    """Key and initial vector of one session (AES-256-CBC), from the subscription's reply."""

    key: bytes
    iv: bytes

    def __repr__(self) -> str:
        return "Cipherment(***)"


@dataclass(frozen=True, slots=True)
class Frame:
    """Real-time data: ``count`` records in one payload."""

    tr_id: str
    is_encrypted: bool
    count: int
    payload: str


@dataclass(frozen=True, slots=True)
class Control:
    """KIS's reply to a registration, or its PINGPONG."""

    tr_id: str
    tr_key: str = ""
    code: str = ""
    succeeded: bool = False
    message: str = ""
    cipherment: Cipherment | None = None


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """A notice with its account (ten digits); an HTS id may have several."""

    account: str
    notice: OrderNotice


def read_frame(text: str) -> Frame | Control:
    """Parse a text as data or as a control message.

    Raises:
        FrameError: it is neither.
    """
    if text[:1] == "{":
        return _control(text)
    match = _FRAME.fullmatch(text)
    if match is None or not 1 <= int(match[3]) <= _MOST_RECORDS:
        raise FrameError("neither a control message nor enc|TR|count|payload")
    return Frame(match[2], match[1] == "1", int(match[3]), match[4])


def ticks_in(frame: Frame, received_at: datetime) -> tuple[Quote | Garbled, ...]:
    """Return the trades of a frame (H0STCNT0), oldest first, each with its best bid and ask.

    Expected prices of an auction are left out; an invalid record does not affect the others. ``received_at`` is the
    market's instant (UTC); KIS's stamps have a resolution of one second.

    Raises:
        FrameError: a record has fewer fields than documented.
    """
    records = _records(frame.payload, frame.count, _TICK_WIDTH)
    trades = [fields for fields in records if fields[43].strip() not in _EXPECTATIONS]
    return tuple(_or_garbled(lambda fields: _tick(fields, received_at), fields) for fields in trades)


def notices_in(frame: Frame, cipherment: Cipherment | None) -> tuple[AccountNotice | Garbled, ...]:
    """Return the order notices of a frame (H0STCNI0, on paper H0STCNI9); an invalid record does not affect the others.

    Raises:
        UndecryptableError: the session's key cannot decrypt it, or there is no key.
        FrameError: the encrypted text is damaged, or a record has fewer fields than documented.
    """
    payload = _decrypted(frame.payload, cipherment) if frame.is_encrypted else frame.payload
    return tuple(_or_garbled(_notice, fields) for fields in _records(payload, frame.count, _NOTICE_WIDTH))


def records_in(frame: Frame, fewest: int) -> list[list[str]]:
    """Return the records of an unencrypted frame, however many fields KIS has appended to each.

    Raises:
        FrameError: a record has fewer fields.
    """
    return _records(frame.payload, frame.count, fewest)


def _or_garbled(make: Callable[[Sequence[str]], Made], fields: Sequence[str]) -> Made | Garbled:
    try:
        return make(fields)
    except FrameError as fault:
        return Garbled(str(fault))


def _control(text: str) -> Control:
    try:
        message = json.loads(text) if len(text) <= _LONGEST_CONTROL else {}
        header, body = message["header"], message.get("body") or {}
        tr_id, tr_key = str(header["tr_id"]), str(header.get("tr_key") or "")
        return Control(
            tr_id=tr_id,
            tr_key=tr_key.strip(),
            code=str(body.get("msg_cd") or "")[:20],
            succeeded=body.get("rt_cd") == "0",
            message=str(body.get("msg1") or "").strip()[:200],
            cipherment=_cipherment(body.get("output")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FrameError("a control message without KIS's header and body") from None


def _cipherment(output: object) -> Cipherment | None:
    if not isinstance(output, Mapping):
        return None
    key, iv = str(output.get("key") or "").encode(), str(output.get("iv") or "").encode()
    return Cipherment(key, iv) if len(key) == 32 and len(iv) == 16 else None


def _records(payload: str, count: int, fewest: int) -> list[list[str]]:
    fields = payload.split("^")
    width, rest = divmod(len(fields), count)
    if rest or width < fewest:
        raise FrameError(f"{len(fields)} fields in {count} records, where one has {fewest} or more")
    return [fields[start : start + width] for start in range(0, len(fields), width)]


def _tick(fields: Sequence[str], received_at: datetime) -> Quote:
    price = _count(fields[2], "STCK_PRPR")
    return Quote(
        symbol=_symbol(fields[0]),
        price=Price(price),
        observed_at=_happened_at(fields[33], fields[1], received_at),
        bid=Price(_count(fields[11], "BIDP1")),
        ask=Price(_count(fields[10], "ASKP1")),
        bid_quantity=Quantity(_count(fields[37], "BIDP_RSQN1")),
        ask_quantity=Quantity(_count(fields[36], "ASKP_RSQN1")),
        volume=Quantity(_count(fields[13], "ACML_VOL")),
        turnover=Won(_count(fields[14], "ACML_TR_PBMN")),
        open_price=Price(_count(fields[7], "STCK_OPRC")),
        high_price=Price(_count(fields[8], "STCK_HGPR")),
        low_price=Price(_count(fields[9], "STCK_LWPR")),
    )


def _notice(fields: Sequence[str]) -> AccountNotice:
    side = _SIDES.get(fields[4].strip())
    if side is None:
        raise FrameError("SELN_BYOV_CLS is neither 01 nor 02")
    notice = OrderNotice(
        kind=_kind(fields),
        symbol=_symbol(fields[8]),
        side=side,
        number=_order_number(fields[2]) or "",
        original=_order_number(fields[3]),
        quantity=Quantity(_count(fields[9], "CNTG_QTY")),
        price=Price(_count(fields[10], "CNTG_UNPR")),
    )
    if not notice.number:
        raise FrameError("ODER_NO is blank")
    return AccountNotice(fields[1].strip(), notice)


def _kind(fields: Sequence[str]) -> NoticeKind:
    is_cancel, was_refused, is_fill, acceptance = fields[5] == "2", fields[12] == "1", fields[13] == "2", fields[14]
    if was_refused:
        return NoticeKind.REJECTED
    if is_fill:
        return NoticeKind.FILLED
    if acceptance == "3" or (is_cancel and acceptance == "2"):
        return NoticeKind.CANCELLED
    return NoticeKind.ACCEPTED


def _decrypted(payload: str, cipherment: Cipherment | None) -> str:
    if cipherment is None:
        raise UndecryptableError("an encrypted notice came before this session's key")
    sealed = _unarmoured(payload)
    opener = Cipher(algorithms.AES(cipherment.key), modes.CBC(cipherment.iv)).decryptor()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        text = unpadder.update(opener.update(sealed) + opener.finalize()) + unpadder.finalize()
    except ValueError:
        raise UndecryptableError("a notice cannot be decrypted with this session's key") from None
    # Only names can contain non-ASCII characters; the fields that matter are checked one by one.
    return text.decode(errors="replace")


def _unarmoured(payload: str) -> bytes:
    try:
        sealed = b64decode(payload, validate=True)
    except ValueError:
        raise FrameError("an encrypted notice is not base64") from None
    if not sealed or len(sealed) % (_BLOCK_BITS // 8):
        raise FrameError("an encrypted notice is cut off")
    return sealed


def _happened_at(day: str, clock: str, received_at: datetime) -> datetime:
    """Return the instant of receipt if it is within the stamped second, else the nearest end of that second."""
    stamp = day.strip() + clock.strip()
    second = _instant(stamp) if _STAMP.fullmatch(stamp) else None
    if second is None:
        raise FrameError("BSOP_DATE and STCK_CNTG_HOUR are not a valid time")
    return min(max(received_at, second), second + timedelta(seconds=1))


def _instant(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=KST).astimezone(UTC)
    except ValueError:
        return None


def _symbol(text: str) -> Symbol:
    code = text.strip()
    if _SYMBOL.fullmatch(code) is None:
        raise FrameError("the stock's code is none")
    return Symbol(code)


def _count(text: str, name: str) -> int:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise FrameError(f"{name} is not a whole number")
    return int(match[1])


def _order_number(text: str) -> str | None:
    number = text.strip().lstrip("0")
    return number.zfill(10) if number else None
