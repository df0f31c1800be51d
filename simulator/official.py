"""The official domestic-stock functions of KIS: served here, refused by name, or unknown.

``official.json`` lists them as the public samples do (koreainvestment/open-trading-api at 885dd4e2, 2026-07-09).
``python -m simulator.official`` prints the count as the table of docs/simulator.md.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Final

from simulator.endpoints import ENDPOINTS
from simulator.stream.topics import TOPICS


class Standing(StrEnum):
    """What this simulator does with a call."""

    SERVED = "served"
    REFUSED = "refused by name"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Function:
    """One official function. A stream has no path; ``lacks`` names the fact for want of which it is refused."""

    function: str
    title: str
    group: str
    real: list[str]
    demo: list[str]
    path: str = ""
    lacks: str = ""

    @property
    def standing(self) -> Standing:
        """Return what this simulator does with its calls."""
        if not self.path:
            return Standing.SERVED if all(tr_id in TOPICS for tr_id in self.real) else Standing.REFUSED
        endpoint = ENDPOINTS.get(self.path)
        served = endpoint is not None and all(endpoint.takes(tr_id, paper=False) for tr_id in self.real)
        return Standing.SERVED if served else Standing.REFUSED

    @property
    def refusal(self) -> str:
        """Return why its calls are refused, as a sentence for a person."""
        return f"{self.function} ({' '.join(self.real)}, {self.title}) is not served: the simulator has no {self.lacks}"


OFFICIAL: Final = [
    Function(**row) for row in json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
]
"""Every official domestic-stock function, by name."""

_BY_CALL: Final = {(one.path, tr_id): one for one in OFFICIAL for tr_id in (*one.real, *one.demo)}


def function_of(path: str, tr_id: str) -> Function | None:
    """Return the official function of a path and TR id; of a stream with a blank path."""
    return _BY_CALL.get((path, tr_id))


def standing_of(path: str, tr_id: str, *, paper: bool = False) -> Standing:
    """Return what this simulator does with a call; a stream's registration has a blank path."""
    endpoint = ENDPOINTS.get(path)
    if (endpoint and endpoint.takes(tr_id, paper=paper)) or (not path and tr_id in TOPICS):
        return Standing.SERVED
    return Standing.REFUSED if function_of(path, tr_id) else Standing.UNKNOWN


def table() -> Iterator[str]:
    """Yield the lines of the count, group by group, and the functions that are refused, by what is missing."""
    yield "| group | functions | served | refused by name |"
    yield "|---|---|---|---|"
    rest = [one for one in OFFICIAL if one.path]
    ordered = sorted(OFFICIAL, key=lambda one: (not one.path, one.group))
    for (_, group), functions in groupby(ordered, key=lambda one: (not one.path, one.group)):
        yield _row(group, list(functions))
    yield _row("**all of REST**", rest)
    yield _row("with a demo mode", [one for one in rest if one.demo])
    yield ""
    yield "| refused for want of | functions |"
    yield "|---|---|"
    refused = sorted((one for one in OFFICIAL if one.standing is Standing.REFUSED), key=lambda one: one.lacks)
    for lacks, functions in groupby(refused, key=lambda one: one.lacks):
        yield f"| {lacks} | {', '.join(one.function for one in functions)} |"


def _row(name: str, functions: list[Function]) -> str:
    counted = Counter(one.standing for one in functions)
    return f"| {name} | {len(functions)} | {counted[Standing.SERVED]} | {counted[Standing.REFUSED]} |"


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201
