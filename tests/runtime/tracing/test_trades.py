"""Which trade an activity belongs to: each one that names a position or an order has its place."""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from domain.identity import IntentId, PositionId
from runtime.tracing.trades import ENTRIES, OF_NO_TRADE, ORDERS, POSITIONS, root_id_of, trace_id_of

ROOT = Path(__file__).parents[3]
NAMES_A_TRADE = {PositionId, IntentId}


def activities() -> Iterator[tuple[str, Any]]:
    """Yield each activity with the type of its request."""
    for path in sorted((ROOT / "activities").glob("*.py")):
        module = importlib.import_module(f"activities.{path.stem}")
        for _, owner in inspect.getmembers(module, inspect.isclass):
            for name, method in vars(owner).items():
                if owner.__module__ == module.__name__ and hasattr(method, "__temporal_activity_definition"):
                    hints = [kind for each, kind in method.__annotations__.items() if each != "return"]
                    yield name, hints[0] if hints else None


def names_a_trade(request: Any) -> bool:
    if request in NAMES_A_TRADE:
        return True
    return is_dataclass(request) and any(names_a_trade(each.type) for each in fields(request))


def test_each_activity_that_names_a_position_or_an_order_has_its_place() -> None:
    found = {name for name, request in activities() if names_a_trade(request)}

    assert found == POSITIONS.keys() | ORDERS | OF_NO_TRADE
    assert POSITIONS.keys() >= ENTRIES


def test_the_ids_of_a_trade_are_the_same_in_every_process() -> None:
    one, other = (
        PositionId("01a22fe8-71d3-75a2-b167-6017287c2493.1"),
        PositionId("01a22fe8-71d3-75a2-b167-6017287c2493.2"),
    )

    assert f"{trace_id_of(one):032x}" == "fafbe77c08560c52370389d697e94133"
    assert f"{root_id_of(one):016x}" == "d44ad7ba577cc9fc"
    assert len({trace_id_of(one), trace_id_of(other)}) == len({root_id_of(one), root_id_of(other)}) == 2
