"""Bounded JSON parsing: no reply blocks the event loop or exceeds the size that KIS documents."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Final

from security.bounded_http import ReplyRefusedError

MOST_VALUES: Final = 30_000
"""Values in one reply; KIS's largest pages have some 8,000 (100 rows of 80 fields)."""
MOST_ROWS: Final = 1_000
"""Rows of one list; KIS's pages have at most 100."""
_MOST_CONTAINERS: Final = 2 * MOST_ROWS
DEEPEST: Final = 8
"""Nesting levels of lists and objects; KIS's rows are on the third."""
_LONGEST_INTEGER: Final = 24
"""Digits of a number parsed as an integer; a longer one stays text, which no field accepts as a number."""
_AT_ONCE: Final = 65_536
"""Bytes that are parsed in the event loop; larger replies are parsed in a thread."""


async def parsed(content: bytes) -> Mapping[str, object] | None:
    """Return the body of a reply with lower-case keys, or None if it is not a JSON object.

    A field given twice with different content becomes a list of both, which no reader accepts as a value.

    Raises:
        ReplyRefusedError: it has too many values, rows or levels.
    """
    return _parsed(content) if len(content) <= _AT_ONCE else await asyncio.to_thread(_parsed, content)


def _parsed(content: bytes) -> Mapping[str, object] | None:
    # Count before parsing: a million empty objects take a tenth of a second and never release the GIL.
    if content.count(b",") >= MOST_VALUES or content.count(b"{") + content.count(b"[") > _MOST_CONTAINERS:
        raise ReplyRefusedError(f"the reply has more than {MOST_VALUES:,} values or {_MOST_CONTAINERS:,} objects")
    try:
        body = json.loads(content, object_pairs_hook=_lowered, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    _check_shape(body)
    return body


def _lowered(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        key = name.lower()
        fields[key] = [fields[key], value] if key in fields and fields[key] != value else value
    return fields


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


def _check_shape(body: Mapping[str, object]) -> None:
    level: list[object] = [body]
    for _ in range(DEEPEST):
        if any(isinstance(each, list) and len(each) > MOST_ROWS for each in level):
            raise ReplyRefusedError(f"a list of the reply has more than {MOST_ROWS:,} rows")
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise ReplyRefusedError(f"the reply is nested deeper than {DEEPEST} levels")
