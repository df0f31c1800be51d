"""Faults of single rows: a field is odd, a row is added, or a list has an entry that is not a row."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from simulator.faults import ROW_FAULTS, FaultKind, FaultRule
from simulator.foreign_rows import with_foreign
from simulator.wire import Reply

_LISTS: Final = ("output", "output1", "output2")


def with_odd_rows(faults: Sequence[FaultRule], path: str, reply: Reply) -> Reply:
    """Return the reply with the rows of its first list spoiled by the rules."""
    rules = [fault for fault in faults if fault.kind in ROW_FAULTS]
    key = next((key for key in _LISTS if isinstance(reply.body.get(key), list)), None)
    if not rules or key is None:
        return reply
    rows: list[Any] = list(reply.body[key])
    for rule in rules:
        rows = with_foreign(rows, path) if rule.kind is FaultKind.FOREIGN_ROWS else _spoiled(rows, rule)
    return replace(reply, body={**reply.body, key: rows})


def _spoiled(rows: list[Any], rule: FaultRule) -> list[Any]:
    if rule.kind is FaultKind.NO_ROW:
        return [*rows, rule.body or 7]
    known = [row for row in rows if isinstance(row, dict) and (not rule.row or rule.row in row.values())]
    if rule.kind is FaultKind.EXTRA_ROW:
        return [*rows, _changed(known[0] if known else {}, rule)]
    return [_changed(row, rule) if any(row is each for each in known) else row for row in rows]


def _changed(row: dict[str, str], rule: FaultRule) -> dict[str, str]:
    changed = {**row, **rule.fields}
    return {name: value for name, value in changed.items() if value is not None}
