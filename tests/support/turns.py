"""Families of tests of which a run with ``TEST_TURN`` plays a part; the runs with the next numbers play the rest.

``@pytest.mark.in_turn(3, kind)`` marks a parametrized test. ``TEST_TURN=7`` plays every third case of each kind, where
``kind`` returns what a parameter stands for: each kind keeps at least one case. With a text instead, all files that
name it are one family, and take turns as a whole. ``in_turn(1, …)`` is played by each run. The files around the
trading system take turns without a mark. Without a turn every test is played.
"""

import os
from collections import defaultdict
from collections.abc import Hashable
from typing import Final, cast

import pytest

TURN: Final = os.environ.get("TEST_TURN", "")
"""Set by ``.ci/run`` to the number of commits, so that a commit always plays the same tests."""
WHOLE_DAYS: Final = "whole days"
"""Files that play days or outages on processes of their own. They share most of the system, and take minutes."""
AROUND: Final = ("cli", "deploy", "history", "lab", "reporting", "runtime", "simulator", "tools", "web")
"""Folders of ``tests/`` for what no order passes through. The tests of what trades run each time."""
_FOLDERS_AROUND: Final = tuple(f"tests/{folder}/" for folder in AROUND)
TURNS: Final = 5
"""How many runs play all whole days, and all files around the trading system."""


def leave_to_other_turns(config: pytest.Config, items: list[pytest.Item], turn: str = TURN) -> None:
    """Deselect what another turn plays.

    Raises:
        pytest.UsageError: two marks of a family name different numbers of turns.
    """
    if not turn:
        return
    families: dict[Hashable, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    every: dict[Hashable, int] = {}
    for item in items:
        if marker := item.get_closest_marker("in_turn"):
            turns, kind = marker.args
        elif item.nodeid.startswith(_FOLDERS_AROUND):
            turns, kind = TURNS, AROUND
        else:
            continue
        family, member = _place_of(item, kind)
        families[family][member].append(item)
        if every.setdefault(family, turns) != turns:
            raise pytest.UsageError(f"{item.nodeid}: {family!r} takes {every[family]} turns elsewhere, here {turns}")
    left = []
    for family, members in families.items():
        turns = min(every[family], len(members))
        others = (each for number, each in enumerate(members.values()) if number % turns != int(turn) % turns)
        left += [item for each in others for item in each]
    if left:
        config.hook.pytest_deselected(items=left)
        gone = {id(item) for item in left}
        items[:] = [item for item in items if id(item) not in gone]


def _place_of(item: pytest.Item, kind: object) -> tuple[Hashable, str]:
    """Return the family of a test, and the member of it to which the test belongs."""
    if not callable(kind):
        return kind, item.nodeid.partition("::")[0]
    (parameter,) = cast("pytest.Function", item).callspec.params.values()
    return (item.nodeid.partition("[")[0], kind(parameter)), item.nodeid
