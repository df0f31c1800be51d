"""Stream faults: the rules that are due, and outgoing frames that they spoil."""

from typing import Final

from simulator.faults import FRAME_FAULTS, CallFacts, FaultRule, Faults, StreamFault
from simulator.simulation import Simulation

PATH: Final = "stream"
"""Path that fault rules match for everything in the stream."""

PINGPONG: Final = "PINGPONG"
_PRICE_PLACES: Final = {"H0STCNI0": 10, "H0STCNI9": 10, "H0STASP0": 3, "H0UNASP0": 3, "H0NXASP0": 3}
_TRADE_PRICE: Final = 2
_ABSURD: Final = "999999999"


def rules_due(simulation: Simulation, facts: CallFacts, among: frozenset[StreamFault]) -> list[FaultRule]:
    """Return the rules that are due and record their hits."""
    if not simulation.faults.rules:
        return []
    due = simulation.faults.due(facts, among)
    if due:
        simulation.note_faults()
    return due


def spoiled(records: list[list[str]], facts: CallFacts, faults: Faults) -> list[list[str]]:
    """Return the records of one frame after faults; empty if a fault drops them.

    A silence rule without a TR id drops data, never PINGPONG. Hits are not journaled: there can be thousands per
    second.
    """
    if not faults.rules:
        return records
    for rule in faults.due(facts, FRAME_FAULTS):
        match rule.kind:
            case StreamFault.STREAM_SILENT:
                return []
            case StreamFault.STREAM_EXTRA_FIELD:
                records = [[*record, rule.body or "0"] for record in records]
            case StreamFault.STREAM_ABSURD_PRICE:
                place = _PRICE_PLACES.get(facts.tr_id, _TRADE_PRICE)
                absurd = rule.body or _ABSURD
                records = [[*record[:place], absurd, *record[place + 1 :]] for record in records]
    return records
