"""KIS's documented fields per endpoint, from fact_sheet.json (``""`` = beside the outputs)."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

AT: Final = "2026-11-23 09:30:00"
"""When a call is made, unless its row names another time."""
_RANGE: Final = re.compile(r"(.+)\{(\d+)-(\d+)\}")


@dataclass(frozen=True)
class Documented:
    """One endpoint with a call that must succeed; ``{live}`` in a value stands for the number of a live order."""

    method: str
    path: str
    tr_id: str
    values: dict[str, str]
    fields: dict[str, str]
    at: str = AT

    def named(self) -> set[tuple[str, str]]:
        """Return (output, field) pairs."""
        return {(output, name) for output, names in self.fields.items() for name in _expanded(names)}


def _expanded(names: str) -> list[str]:
    expanded = []
    for name in names.split():
        found = _RANGE.fullmatch(name)
        numbers = range(int(found[2]), int(found[3]) + 1) if found else ()
        expanded += [f"{found[1]}{number}" for number in numbers] if found else [name]
    return expanded


def served(body: dict[str, Any], outputs: set[str]) -> set[tuple[str, str]]:
    """Return the (output, field) pairs of a reply. In a list, every row must have the field."""
    found = {("", name) for name in body}
    for output in outputs - {""}:
        rows = body[output] if isinstance(body[output], list) else [body[output]]
        assert rows, f"{output} is empty"
        found |= {(output, name) for name in set.intersection(*map(set, rows))}
    return found


FACT_SHEET: Final = [Documented(**row) for row in json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))]
