"""The official domestic-stock functions of KIS: served here, refused by name, or unknown.

``python -m simulator.official`` prints the count as the tables of docs/kis-functions.md.
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby

from simulator.catalogue import OFFICIAL, Function, function_of
from simulator.endpoints import ENDPOINTS
from simulator.stream.topics import TOPICS


class Standing(StrEnum):
    """What this simulator does with a call."""

    SERVED = "served"
    REFUSED = "refused by name"
    UNKNOWN = "unknown"


def standing_of(path: str, tr_id: str, *, paper: bool = False) -> Standing:
    """Return what this simulator does with a call; a stream's registration has a blank path."""
    endpoint = ENDPOINTS.get(path)
    if (endpoint and endpoint.takes(tr_id, paper=paper)) or (not path and tr_id in TOPICS):
        return Standing.SERVED
    return Standing.REFUSED if function_of(path, tr_id) else Standing.UNKNOWN


def standing_of_function(function: Function) -> Standing:
    """Return what this simulator does with an official function: it is served if each of its real TR ids is."""
    standings = {standing_of(function.path, tr_id) for tr_id in function.real}
    return Standing.SERVED if standings == {Standing.SERVED} else Standing.REFUSED


def refused_by_name(path: str, tr_id: str) -> Function | None:
    """Return the official function that a call asks for, if the simulator does not serve it."""
    official = function_of(path, tr_id)
    return official if official and standing_of_function(official) is Standing.REFUSED else None


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
    refused = [one for one in OFFICIAL if standing_of_function(one) is Standing.REFUSED]
    for lacks, functions in groupby(sorted(refused, key=lambda one: one.lacks), key=lambda one: one.lacks):
        yield f"| {lacks} | {', '.join(one.function for one in functions)} |"


def _row(name: str, functions: list[Function]) -> str:
    counted = Counter(standing_of_function(one) for one in functions)
    return f"| {name} | {len(functions)} | {counted[Standing.SERVED]} | {counted[Standing.REFUSED]} |"


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201
