"""How a check speaks its mind: it returns when the fact holds and raises what it saw when not."""

from collections.abc import Collection, Mapping
from typing import Any


class DiffersError(Exception):
    """The server does otherwise than the fact says; the text is what was seen."""


class CannotAskError(Exception):
    """The fact cannot be asked of this server at this time; the text says why."""


def expect(holds: bool, seen: object) -> None:  # noqa: FBT001 - reads as a sentence: expect(this, that_was_seen)
    """Raise DiffersError with what was seen unless the condition holds."""
    if not holds:
        raise DiffersError(str(seen))


def expect_fields(row: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise DiffersError unless all these fields are there, each of them a string."""
    missing = [name for name in names if name not in row]
    expect(not missing, f"missing: {', '.join(missing)}")
    odd = {name: row[name] for name in names if not isinstance(row[name], str)}
    expect(not odd, f"not strings: {odd}")
