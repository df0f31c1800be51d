"""The meaning of KIS's codes (docs/kis.md §6.3, §5.2), as data: for a query, and for an order that was sent."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.lane import Crowding


class Meaning(StrEnum):
    """The meaning of a code for the request it answers."""

    TRY_AGAIN = "try_again"
    RATE = "rate"
    TOKEN = "token"  # noqa: S105 - a word, not a password
    CREDENTIALS = "credentials"
    BUG = "bug"
    NO_ROWS = "no_rows"
    REFUSED = "refused"
    UNLISTED = "unlisted"


CROWDING: Final[Mapping[str, Crowding]] = MappingProxyType({"EGW00201": Crowding.OURS, "EGW00215": Crowding.LEDGER})
"""Codes that the rate budget uses; EGW00133 counts tokens, which have their own rule."""


class Verdict(StrEnum):
    """What a failed reply proves about an order."""

    REJECTED = "rejected"
    UNKNOWN = "unknown"


def _gateway(*numbers: str) -> tuple[str, ...]:
    return tuple(f"EGW{number}" for number in numbers)


def _query_server(*numbers: str) -> tuple[str, ...]:
    return tuple(f"OPSQ{number}" for number in numbers)


_CODES: Final[Mapping[Meaning, tuple[str, ...]]] = {
    Meaning.TRY_AGAIN: (
        *_gateway("00001", "00002", "00202", "00203", "00204", "00300", "00301", "00302"),
        *_query_server("0003", "0004", "0005", "0006", "0008", "0009", "0010", "0011", "1002", "3001", "3002", "3004"),
        "APBK1350",
        "SYDB0050",
    ),
    Meaning.RATE: _gateway("00133", "00201", "00215"),
    Meaning.TOKEN: _gateway("00121", "00122", "00123"),
    Meaning.CREDENTIALS: (
        *_gateway("00003", "00004", "00102", "00103", "00104", "00105", "00124", "00125", "00126", "00127", "00128"),
        *_gateway("00129", "00130", "00205", "00206", "00207", "00210", "00303", "00304", "02004", "02006"),
        *_gateway("00106", "00107", "00108", "00109", "00110", "00111", "00112", "00113", "00114", "00117", "00118"),
        *_gateway("00119", "00120", "00211", "00212", "00213"),
        "IGW00002",
        "APTR0058",
    ),
    Meaning.BUG: (
        *_gateway("00101", "00115", "00116", "00131", "00132", "00208", "00209"),
        *_query_server("0001", "0002", "0007", "2001", "2002", "2003", "9995", "9996", "9997", "9998", "9999"),
        "IGW00007",
        "IGW00009",
        "IGW00019",
    ),
    Meaning.REFUSED: _query_server("2000"),
    Meaning.NO_ROWS: ("70070000",),
}

MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {code: meaning for meaning, codes in _CODES.items() for code in codes}
)

ORDER_VERDICTS: Final[Mapping[Meaning, Verdict]] = MappingProxyType(
    {
        # Refused before the request reached the ledger.
        Meaning.TOKEN: Verdict.REJECTED,
        Meaning.CREDENTIALS: Verdict.REJECTED,
        Meaning.BUG: Verdict.REJECTED,
        Meaning.REFUSED: Verdict.REJECTED,
        # "Be sure to check the previous transaction": the ledger may have it.
        Meaning.TRY_AGAIN: Verdict.UNKNOWN,
        # Normally not placed, but a lost fill was once traced to this code: check before deciding again.
        Meaning.RATE: Verdict.UNKNOWN,
    }
)


_NO_LONGER_GOOD: Final = ("유효하지", "만료", "등록되지", "존재하지")

KEYWORDS: Final = (
    (("초당거래건수",), Meaning.RATE),
    (("다시조회",), Meaning.TRY_AGAIN),
    (("점검",), Meaning.TRY_AGAIN),
    *(((token, word), Meaning.TOKEN) for token in ("token", "토큰") for word in _NO_LONGER_GOOD),
)
"""Words of ``msg1``, without spaces and in lower case, that identify the meaning of an unlisted code."""


def meaning_of(code: str, message: str = "") -> Meaning:
    """Return a reply's meaning by its code, else by its text; the ledger's business rules are not listed.

    No complete list of their codes is published, and sources give one code for contradictory refusals.
    """
    listed = MEANINGS.get(code)
    if listed is not None:
        return listed
    said = "".join(message.split()).lower()
    return next((meaning for words, meaning in KEYWORDS if all(word in said for word in words)), Meaning.UNLISTED)


_OK: Final = 200
_LOGIN_LAYER: Final = frozenset({401, 403})


def order_verdict(status: int, code: str, message: str) -> Verdict:
    """Return what a failed reply with KIS's envelope proves about its order."""
    meaning = meaning_of(code, message)
    if meaning is Meaning.TOKEN and code not in MEANINGS:
        meaning = Meaning.UNLISTED  # a text proves no refusal
    listed = ORDER_VERDICTS.get(meaning)
    if listed is not None:
        return listed
    return Verdict.REJECTED if status == _OK or status in _LOGIN_LAYER else Verdict.UNKNOWN
