"""Faults of the stream: which rules are due, and frames that go wrong on their way out."""

from typing import Final

from simulator.faults import FRAME_FAULTS, CallFacts, FaultKind, FaultRule, Faults
from simulator.simulation import Simulation

PATH: Final = "stream"
"""The path of everything that fault rules can hit in the stream."""

PINGPONG: Final = "PINGPONG"
_PRICE_PLACES: Final = {"H0STCNI0": 10, "H0STCNI9": 10, "H0STASP0": 3}
_TRADE_PRICE: Final = 2
_ABSURD: Final = "999999999"


def rules_due(simulation: Simulation, facts: CallFacts, among: frozenset[FaultKind]) -> list[FaultRule]:
    """Return the rules that are due and write down that they have hit."""
    if not simulation.faults.rules:
        return []
    due = simulation.faults.due(facts, among)
    if due:
        simulation.note_faults()
    return due


def spoiled(records: list[list[str]], facts: CallFacts, faults: Faults) -> list[list[str]]:
    """Return the records of one frame, field by field, as they leave; none when they are swallowed.

    A silence without a TR id swallows data, never PINGPONG. Hits are not written down: there may be thousands a second.
    """
    if not faults.rules:
        return records
    for rule in faults.due(facts, FRAME_FAULTS):
        match rule.kind:
            case FaultKind.STREAM_SILENT:
                return []
            case FaultKind.STREAM_EXTRA_FIELD:
                records = [[*record, rule.body or "0"] for record in records]
            case FaultKind.STREAM_ABSURD_PRICE:
                place = _PRICE_PLACES.get(facts.tr_id, _TRADE_PRICE)
                absurd = rule.body or _ABSURD
                records = [[*record[:place], absurd, *record[place + 1 :]] for record in records]
    return records
