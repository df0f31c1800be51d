"""KIS's reply: status, code, text and payload, with lower-case keys and no assumptions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from broker.kis.calls import Call
from broker.kis.codes import CROWDING, Meaning, meaning_of
from broker.kis.parsing import parsed
from domain.errors import BrokerProtocolError
from domain.lane import Crowding

Payload = Mapping[str, object]

_FAILED: Final = re.compile(r"[1-9]")
_CODE: Final = re.compile(r"[0-9A-Z]{4,10}")
_MORE_FOLLOWS: Final = frozenset({"F", "M"})


@dataclass(frozen=True, slots=True)
class PageKeys:
    """The keys that KIS requires to continue a list (``ctx_area_fk100`` and ``ctx_area_nk100``)."""

    fk: str = ""
    nk: str = ""


FIRST_PAGE: Final = PageKeys()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A reply; ``body`` is None if it is not a JSON object. ``size`` in bytes, ``took`` in seconds."""

    status: int
    body: Payload | None
    continues: bool = False
    size: int = 0
    took: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Return whether the call succeeded (HTTP 200 and ``rt_cd`` 0, whatever ``msg_cd``)."""
        return self.status == httpx.codes.OK and self.claims_success

    @property
    def claims_success(self) -> bool:
        """Return whether the body reports success, whatever the HTTP status."""
        return self._text("rt_cd") == "0"

    @property
    def has_verdict(self) -> bool:
        """Return whether the body is KIS's own: an envelope, or the error of its login layer."""
        return bool(self._text("rt_cd") or self._text("error_code"))

    @property
    def refuses(self) -> bool:
        """Return whether KIS clearly refuses: a failing ``rt_cd`` and a code, without an order number."""
        says_no = _FAILED.fullmatch(self._text("rt_cd")) if self._text("rt_cd") else self._text("error_code")
        output = (self.body or {}).get("output")
        rows = output if isinstance(output, list) else [output]
        names_an_order = any(isinstance(row, Mapping) and str(row.get("odno") or "").strip(" 0") for row in rows)
        return bool(says_no) and _CODE.fullmatch(self.code) is not None and not names_an_order

    @property
    def code(self) -> str:
        """Return ``msg_cd``, or the login layer's ``error_code``, or an empty string."""
        return self._text("msg_cd") or self._text("error_code")

    @property
    def message(self) -> str:
        """Return KIS's message without its padding."""
        return self._text("msg1") or self._text("error_description")

    @property
    def meaning(self) -> Meaning:
        """Return the meaning of the code; a 401 without a code refuses the token."""
        if not self.code and self.status == httpx.codes.UNAUTHORIZED:
            return Meaning.TOKEN
        return meaning_of(self.code, self.message)

    @property
    def crowding(self) -> Crowding:
        """Return whose calls were too many, if any."""
        return CROWDING.get(self.code, Crowding.NONE)

    @property
    def page_keys(self) -> PageKeys:
        """Return the keys of the next page, verbatim."""
        body = self.body or {}
        return PageKeys(str(body.get("ctx_area_fk100") or ""), str(body.get("ctx_area_nk100") or ""))

    def listed(self, key: str) -> Sequence[object]:
        """Return a list unchanged; empty if there is none."""
        rows = (self.body or {}).get(key)
        return rows if isinstance(rows, list) else ()

    def rows(self, call: Call, key: str) -> list[Payload]:
        """Return a payload's rows, whether KIS sent an object or an array; blank rows are dropped.

        Raises:
            BrokerProtocolError: the payload is missing, or has another type.
        """
        candidates = self.candidates(call, key)
        rows = [row for row in candidates if isinstance(row, Mapping)]
        if len(rows) != len(candidates):
            raise BrokerProtocolError(f"{call.label}: {key} holds an entry that is not a row")
        return rows

    def candidates(self, call: Call, key: str) -> list[object]:
        """Return the values in place of a payload's rows; blank rows are dropped.

        Raises:
            BrokerProtocolError: the payload is missing, or neither an object nor an array.
        """
        value = (self.body or {}).get(key)
        if value is None and self.meaning is not Meaning.NO_ROWS:
            raise BrokerProtocolError(f"{call.label}: {key} is missing")
        if value is None or (isinstance(value, str) and not value.strip()):
            return []
        if not isinstance(value, list | Mapping):
            raise BrokerProtocolError(f"{call.label}: {key} holds an entry that is not a row")
        candidates = value if isinstance(value, list) else [value]
        return [row for row in candidates if _says_something(row)]

    def row(self, call: Call, key: str) -> Payload:
        """Return a payload that is one row.

        Raises:
            BrokerProtocolError: there is no row.
        """
        rows = self.rows(call, key)
        if not rows:
            raise BrokerProtocolError(f"{call.label}: {key} is empty")
        return rows[0]

    def _text(self, key: str) -> str:
        value = (self.body or {}).get(key)
        return str(value).strip() if isinstance(value, str | int) else ""


async def read_envelope(response: httpx.Response) -> Envelope:
    """Read a reply; a reply that is not a JSON object has no body.

    Raises:
        ReplyRefusedError: the reply has too many values, rows or levels.
    """
    continues = response.headers.get("tr_cont", "").strip() in _MORE_FOLLOWS
    body = await parsed(response.content)
    return Envelope(response.status_code, body, continues, size=len(response.content))


def _says_something(row: object) -> bool:
    if not isinstance(row, Mapping):
        return row is not None
    return any(str(value).strip() for value in row.values() if value is not None)
