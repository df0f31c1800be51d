"""How a check reports: it returns if the fact holds and raises its observation if not."""

from collections.abc import Collection, Mapping
from typing import Any


class DiffersError(Exception):
    """The server differs from the fact; the text is the observation."""


class CannotAskError(Exception):
    """The fact cannot be asked of this server at this time; the text gives the reason."""


def expect(holds: bool, seen: object) -> None:  # noqa: FBT001 - reads as a sentence: expect(this, that_was_seen)
    """Raise DiffersError with the observation unless the condition holds."""
    if not holds:
        raise DiffersError(str(seen))


def expect_fields(row: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise DiffersError unless all these fields are present and strings."""
    missing = [name for name in names if name not in row]
    expect(not missing, f"missing: {', '.join(missing)}")
    odd = {name: row[name] for name in names if not isinstance(row[name], str)}
    expect(not odd, f"not strings: {odd}")
