"""How the views write numbers and addresses."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlencode

from reporting.page import cell, signed, tone
from reporting.sentences import number
from web.history import Asked

_THOUSAND: Final = 1_000
_MINUS: Final = "−"


def short(value: int) -> str:
    """Format won for a narrow cell: in thousands from 1,000 on."""
    thousands = abs(value) / _THOUSAND
    text = f"{abs(value)}" if thousands < 1 else f"{thousands:,.1f}k" if thousands < 10 else f"{thousands:,.0f}k"
    return f"{_MINUS if value < 0 else '+' if value else ''}{text}"


def query(asked: Asked, year: int) -> str:
    """Return the filters as the query of an address, with the year that is shown."""
    return urlencode({name: value for name, value in {**asdict(asked), "year": str(year)}.items() if value})


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "number": number,
    "cell": cell,
    "signed": signed,
    "tone": tone,
    "short": short,
    "query": query,
}
