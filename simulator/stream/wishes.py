"""Client messages of the stream: parsing and the checks that need no state."""

import json
from dataclasses import dataclass
from typing import Any, Final

from simulator.stream.topics import TOPICS, Topic

SUBSCRIBE: Final = "1"
UNSUBSCRIBE: Final = "2"
IN_USE: Final = "OPSP8996"
UNKNOWN_TOPIC: Final = "OPSP8991"
NO_NAME: Final = "(null)"
_CUSTOMER_TYPES: Final = ("P", "B")

MESSAGES: Final = {
    "OPSP0000": "SUBSCRIBE SUCCESS",
    "OPSP0001": "UNSUBSCRIBE SUCCESS",
    "OPSP0002": "ALREADY IN SUBSCRIBE",
    "OPSP0003": "UNSUBSCRIBE ERROR(not found!)",
    "OPSP0008": "MAX SUBSCRIBE OVER",
    "OPSP0011": "invalid approval(appkey) : NOT FOUND",
    "OPSP0017": "HTS ID ERROR",
    "OPSP8991": "invalid tr_id",
    "OPSP8992": "invalid tr_key",
    "OPSP8996": "ALREADY IN USE appkey",
    "OPSP8997": "invalid tr_type",
    "OPSP8998": "invalid custtype",
    "OPSP9990": "tr_key not found",
    "OPSP9991": "input not found",
    "OPSP9992": "body not found",
    "OPSP9994": "INVALID appkey",
    "OPSP9997": "custtype not found",
    "OPSP9998": "header not found",
    "OPSP9999": "invalid json format",
}
"""``msg1`` of every code that the stream sends."""


class WishRefusedError(Exception):
    """A refused registration. Most replies name no TR (header tr_id ``(null)``, rt_cd 9). ``asked``: unknown TR."""

    def __init__(self, code: str, tr_id: str = NO_NAME, tr_key: str = "", *, asked: str = "") -> None:
        super().__init__(code)
        self.asked = asked
        self.code = code
        self.tr_id = tr_id
        self.tr_key = tr_key


@dataclass(frozen=True, slots=True)
class Wish:
    """A well-formed request to subscribe or unsubscribe."""

    approval_key: str
    begins: bool
    topic: Topic
    tr_key: str


def parsed(text: str, environment: str) -> Wish | None:
    """Return the request in a client's text, or None for an echoed PINGPONG.

    Raises:
        WishRefusedError: the text is malformed or names a topic that this service does not offer.
    """
    try:
        message = json.loads(text)
    except ValueError as error:
        raise WishRefusedError("OPSP9999") from error
    if not isinstance(message, dict):
        raise WishRefusedError("OPSP9999")
    header = _part(message, "header", "OPSP9998")
    if header.get("tr_id") == "PINGPONG":
        return None
    given = _part(_part(message, "body", "OPSP9992"), "input", "OPSP9991")
    _check_header(header)
    asked = str(given.get("tr_id", ""))
    topic = TOPICS.get(asked)
    if topic is None or environment not in topic.environments:
        raise WishRefusedError(UNKNOWN_TOPIC, asked=asked)
    if "tr_key" not in given:
        raise WishRefusedError("OPSP9990")
    return Wish(str(header.get("approval_key", "")), header["tr_type"] == SUBSCRIBE, topic, str(given["tr_key"]))


def _part(message: dict[str, Any], name: str, code: str) -> dict[str, Any]:
    part = message.get(name)
    if not isinstance(part, dict):
        raise WishRefusedError(code)
    return part


def _check_header(header: dict[str, Any]) -> None:
    if "custtype" not in header:
        raise WishRefusedError("OPSP9997")
    if header["custtype"] not in _CUSTOMER_TYPES:
        raise WishRefusedError("OPSP8998")
    if header.get("tr_type") not in (SUBSCRIBE, UNSUBSCRIBE):
        raise WishRefusedError("OPSP8997")
