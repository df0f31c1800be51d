"""KIS's market-phase messages (H0STMKO0): pure, read by field count, since the all-venue feed shifts its fields."""

import re
from collections.abc import Mapping
from typing import Final

from broker.kis.stream_frames import Frame, FrameError, records_in
from domain.market_phase import MarketMessage, MarketWord
from domain.stream import Garbled

MARKET_PHASES: Final = "H0STMKO0"
"""The TR id; only the real service has it."""

_FEWEST: Final = 10
_STOCK: Final = re.compile(r"[0-9A-Z]{6,7}")
_CODE: Final = re.compile(r"[0-9]{3}")
_NO_TEXT: Final = frozenset({"", "(null)"})
_WORDS: Final[Mapping[str, MarketWord]] = {
    "110": MarketWord.OPENING_AUCTION,
    "112": MarketWord.OPEN,
    "121": MarketWord.CLOSING_AUCTION,
    "129": MarketWord.CLOSED,
    "164": MarketWord.HALTED,
    "174": MarketWord.HALTED,
    "184": MarketWord.HALTED,
    "175": MarketWord.OPEN,
    "185": MarketWord.OPEN,
    "387": MarketWord.SIDECAR_ON,
    "397": MarketWord.SIDECAR_ON,
    "388": MarketWord.SIDECAR_OFF,
    "398": MarketWord.SIDECAR_OFF,
}
"""MKOP_CLS_CODE.

174 and 175 start and end a circuit breaker, 184 and 185 its auction; 387 and 388 a sidecar of sales, 397 and 398 a
sidecar of buys. Codes of the off-hours markets do not concern the regular session.
"""


def messages_in(frame: Frame) -> tuple[MarketMessage | Garbled, ...]:
    """Return a frame's messages about the whole market; records about a single stock are skipped.

    Raises:
        FrameError: a record has fewer fields than documented.
    """
    words = (_message(fields) for fields in records_in(frame, _FEWEST))
    return tuple(word for word in words if word is not None)


def _message(fields: list[str]) -> MarketMessage | Garbled | None:
    code = fields[3 if _STOCK.fullmatch(fields[0].strip()) else 2].strip()
    if code in _NO_TEXT:
        return None
    if _CODE.fullmatch(code) is None:
        return Garbled(str(FrameError("MKOP_CLS_CODE is not a code of three digits")))
    word = _WORDS.get(code)
    return None if word is None else MarketMessage(word, code)
