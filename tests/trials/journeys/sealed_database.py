"""A search of Temporal's database file for what must be encrypted: stocks, prices, amounts, order numbers, accounts."""

import re
from collections.abc import Iterable
from pathlib import Path

_CHANCE = re.compile(
    rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}"  # ids and proofs
    rb"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?|\"at\": \d+"  # instants
)
"""Digits of these can equal a number of ours by chance."""
NAMES = ("symbol", "price", "quantity", "net_pnl", "order_no", "decision_price")
"""Fields of plain JSON payloads."""


def plain_in(folder: Path, values: Iterable[object]) -> list[str]:
    """Return the values, and the names of fields, that the database of a folder holds as plain text."""
    content = b"".join(path.read_bytes() for path in sorted(folder.glob("temporal.sqlite*")))
    assert len(content) > 100_000
    content = _CHANCE.sub(b" ", content)
    fields = [f'"{name}"' for name in NAMES]
    return [text for text in (*fields, *map(str, values)) if _is_in(text, content)]


def _is_in(text: str, content: bytes) -> bool:
    # A stock's code may stand between other values of a row; a shorter number only counts alone.
    if len(text) >= 6:
        return text.encode() in content
    return re.search(rb"(?<!\d)" + text.encode() + rb"(?!\d)", content) is not None
