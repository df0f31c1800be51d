"""The field types on KIS's wire, and the only functions that turn a row into a message."""

import re
from decimal import Decimal
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from broker.kis.calls import Call
from broker.kis.envelope import Payload
from domain.errors import BrokerProtocolError

_NUMBER: Final = re.compile(r"([+-]?[0-9]{1,24})(?:\.([0-9]*))?")
_BLANK: Final = ""
_GREATEST: Final = 10**16
_MOST_POINTS: Final = 10**7
_LONGEST: Final = 1_000
"""Characters of a field; KIS's longest have a few hundred."""


def _bare(value: object) -> str:
    """Return a field's text; KIS sends text, but a number is equivalent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("neither text nor a number")  # noqa: TRY004 - pydantic reports only ValueError
    text = str(value).strip()
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST:,} characters")
    return text


def _whole(value: object) -> int:
    match = _NUMBER.fullmatch(_bare(value))
    if match is None or (match[2] or "").strip("0"):
        raise ValueError("not a whole number")
    return int(match[1])


def _whole_or_zero(value: object) -> int:
    return 0 if value is None or _bare(value) == _BLANK else _whole(value)


def _whole_part(value: object) -> int:
    """Return the part before the decimal point: a fraction counts as its whole shares or won."""
    match = _NUMBER.fullmatch(_bare(value))
    if match is None or _bare(value).startswith("-"):
        raise ValueError("not a number, or a negative one")
    return int(match[1])


def _whole_part_or_zero(value: object) -> int:
    return 0 if value is None or _bare(value) == _BLANK else _whole_part(value)


def _rounded_up(value: object) -> int:
    return _whole_part(value) + has_fraction(value)


def has_fraction(value: object) -> bool:
    """Return whether a number has a fractional part."""
    match = _NUMBER.fullmatch(_bare(value))
    return match is not None and bool((match[2] or "").strip("0"))


def _signed_or_none(value: object) -> int | None:
    return None if value is None or _bare(value) == _BLANK else _whole(value)


def _points(value: object) -> Decimal:
    text = _bare(value)
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number of points")
    return Decimal(text)


def _points_or_none(value: object) -> Decimal | None:
    return None if value is None or _bare(value) == _BLANK else _points(value)


def _printable(value: object) -> str:
    return "".join(character for character in _bare(value) if character.isprintable()) if value is not None else _BLANK


def _order_number(value: object) -> str:
    return _bare(value).zfill(10)


def _original_number(value: object) -> str | None:
    number = _BLANK if value is None else _bare(value).lstrip("0")
    return number.zfill(10) if number else None


def _branch(value: object) -> str:
    return _bare(value).zfill(5)


Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=_GREATEST)]
"""Required, non-negative shares or won."""

CountOrZero = Annotated[int, BeforeValidator(_whole_or_zero), Field(ge=0, le=_GREATEST)]
"""The same if KIS leaves the field blank for zero."""

WholePart = Annotated[int, BeforeValidator(_whole_part), Field(ge=0, le=_GREATEST)]
"""Shares or won that may have a fraction; it is cut off."""

WholePartOrZero = Annotated[int, BeforeValidator(_whole_part_or_zero), Field(ge=0, le=_GREATEST)]
"""The same if KIS leaves the field blank for zero."""

RoundedUp = Annotated[int, BeforeValidator(_rounded_up), Field(ge=0, le=_GREATEST)]
"""Shares of which a fraction counts as a whole remaining share."""

Amount = Annotated[int, BeforeValidator(_whole), Field(ge=-_GREATEST, le=_GREATEST)]
"""Won, negative for a debt."""

Change = Annotated[int | None, BeforeValidator(_signed_or_none)]
"""A difference in won, None if blank."""

Points = Annotated[Decimal, BeforeValidator(_points), Field(ge=0, le=_MOST_POINTS)]
"""The level of an index."""

PointsChange = Annotated[Decimal | None, BeforeValidator(_points_or_none)]
"""A difference in points, None if blank."""

Text = Annotated[str, BeforeValidator(_printable)]
Code = Annotated[str, BeforeValidator(_bare), Field(pattern=r"^[0-9A-Z][0-9A-Z./-]{0,11}$")]
"""A security's code; six characters for a stock, other lengths for ETNs, bonds and foreign securities."""

Word = Annotated[str, BeforeValidator(_bare)]
"""A code or flag with its own pattern; never blank unless the pattern allows it."""

Day = Annotated[Word, Field(pattern=r"^[0-9]{8}$")]
"""A KST date, ``YYYYMMDD``."""

OrderNumber = Annotated[str, BeforeValidator(_order_number), Field(pattern=r"^[0-9]*[1-9][0-9]*$", max_length=10)]
"""``ODNO``: ten digits, zero padded, whatever its padding in the reply."""

OriginalNumber = Annotated[
    Annotated[str, Field(pattern=r"^[0-9]{10}$")] | None,
    BeforeValidator(_original_number),
]
"""The order that a row cancels or amends; blank or zeros for none."""

Branch = Annotated[str, BeforeValidator(_branch), Field(pattern=r"^[0-9A-Z]{5}$")]


class Message(BaseModel):
    """A row of KIS's, with KIS's own field names; fields that KIS appends are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


AnyMessage = TypeVar("AnyMessage", bound=Message)


class FieldError(BrokerProtocolError):
    """A field is missing or invalid; the text names the field, never its content."""

    def __init__(self, call: Call, field: str, why: str) -> None:
        super().__init__(f"{call.label}: {field}: {why}")
        self.field = field
        self.why = why


def read(call: Call, message: type[AnyMessage], row: Payload) -> AnyMessage:
    """Convert a row to a message.

    Raises:
        FieldError: a field is missing or invalid.
    """
    try:
        return message.model_validate(row)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "row"
    raise FieldError(call, field, problem["msg"])


def read_partly(call: Call, message: type[AnyMessage], row: Payload) -> tuple[AnyMessage, tuple[str, ...]]:
    """Convert a row to a message, and return the names of unreadable fields, which are read as blank.

    Raises:
        FieldError: a field that may not be blank is missing or invalid.
    """
    try:
        return message.model_validate(row), ()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    odd = tuple(dict.fromkeys(str(problem["loc"][0]) for problem in problems if problem["loc"]))
    return read(call, message, {**row, **dict.fromkeys(odd, _BLANK)}), odd
