"""Families of cases of which a run with ``TEST_TURN`` plays a part; the runs with the next numbers play the rest.

``@pytest.mark.in_turn(3, kind)`` marks a parametrized test. ``TEST_TURN=7`` plays every third case of each kind, where
``kind`` returns what a parameter stands for: each kind keeps at least one case. Without a turn every case is played.
"""

import os
from collections import defaultdict
from collections.abc import Hashable
from typing import Final, cast

import pytest

TURN: Final = os.environ.get("TEST_TURN", "")
"""Set by ``.ci/run`` to the number of commits, so that a commit always plays the same cases."""


def leave_to_other_turns(config: pytest.Config, items: list[pytest.Item], turn: str = TURN) -> None:
    """Deselect the cases that another turn plays."""
    if not turn:
        return
    families: dict[tuple[str, Hashable], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if marker := item.get_closest_marker("in_turn"):
            families[item.nodeid.partition("[")[0], _kind_of(item, marker)].append(item)
    left = {id(item) for family in families.values() for item in _of_other_turns(family, int(turn))}
    if left:
        config.hook.pytest_deselected(items=[item for item in items if id(item) in left])
        items[:] = [item for item in items if id(item) not in left]


def _kind_of(item: pytest.Item, marker: pytest.Mark) -> Hashable:
    _, kind = marker.args
    (parameter,) = cast("pytest.Function", item).callspec.params.values()
    return cast("Hashable", kind(parameter))


def _of_other_turns(family: list[pytest.Item], turn: int) -> list[pytest.Item]:
    marker = family[0].get_closest_marker("in_turn")
    assert marker is not None
    every = min(marker.args[0], len(family))
    return [item for number, item in enumerate(family) if number % every != turn % every]
