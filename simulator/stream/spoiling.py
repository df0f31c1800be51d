"""Frames that go wrong on their way out."""

from typing import Final

from simulator.faults import FRAME_FAULTS, CallFacts, FaultKind, Faults

PINGPONG: Final = "PINGPONG"
_PRICE_PLACES: Final = {"H0STCNI0": 10, "H0STCNI9": 10}
_TRADE_PRICE: Final = 2
_ABSURD: Final = "999999999"


def spoiled(records: list[str], facts: CallFacts, faults: Faults) -> list[str]:
    """Return the records of one frame as they leave; none when they are swallowed.

    A silence without a TR id swallows all data but no PINGPONG.
    """
    if not faults.rules:
        return records
    for rule in faults.due(facts, FRAME_FAULTS):
        if facts.tr_id == PINGPONG and rule.tr_id != PINGPONG:
            continue
        match rule.kind:
            case FaultKind.STREAM_SILENT:
                return []
            case FaultKind.STREAM_EXTRA_FIELD:
                records = [f"{record}^{rule.body or '0'}" for record in records]
            case FaultKind.STREAM_ABSURD_PRICE:
                place = _PRICE_PLACES.get(facts.tr_id, _TRADE_PRICE)
                records = [_with(record, place, rule.body or _ABSURD) for record in records]
    return records


def _with(record: str, place: int, text: str) -> str:
    fields = record.split("^")
    fields[place] = text
    return "^".join(fields)
