"""How a result depends on the parameters: the surface of each pair, and what the neighbours of a trial earn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from lab.sweep.space import Space
from lab.sweep.windows import Figures
from lab.trials import Trial

_FEWEST: Final = 2


@dataclass(frozen=True, slots=True)
class Surface:
    """The median net result (won) for each pair of values, over all values of the other parameters.

    ``cells`` are rows by ``down``, columns by ``across``; None where nothing was tried.
    """

    across: str
    down: str
    across_texts: tuple[str, ...]
    down_texts: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Fragility:
    """What the tried neighbours of a trial earn. A neighbour differs by one step at most in each parameter."""

    neighbours: int
    earning: int
    """Neighbours with a net result above 0."""
    median: int
    worst: int


def surfaces(space: Space, trials: Sequence[Trial], found: Mapping[int, Figures]) -> tuple[Surface, ...]:
    """Return the surface of every pair of parameters; of a single one its line."""
    swept = [rule for rule, texts in space.items() if len(texts) >= _FEWEST]
    pairs = list(combinations(swept, _FEWEST)) or [(rule, rule) for rule in swept]
    return tuple(_surface(space, pair, trials, found) for pair in pairs)


def fragility(space: Space, best: Trial, trials: Sequence[Trial], found: Mapping[int, Figures]) -> Fragility:
    """Return what the neighbours of a trial earn."""
    places = {rule: {text: place for place, text in enumerate(texts)} for rule, texts in space.items()}
    own = {rule: places[rule][text] for rule, text in best.rules.items()}
    nets: dict[tuple[int, ...], int] = {}
    for trial in trials:
        at = {rule: places[rule][text] for rule, text in trial.rules.items()}
        is_near = all(abs(at[rule] - own[rule]) <= 1 for rule in space)
        if is_near and at != own and trial.number in found:
            nets[tuple(at.values())] = found[trial.number].net
    if not nets:
        return Fragility(0, 0, 0, 0)
    return Fragility(len(nets), sum(net > 0 for net in nets.values()), int(median(nets.values())), min(nets.values()))


def _surface(space: Space, pair: tuple[str, str], trials: Sequence[Trial], found: Mapping[int, Figures]) -> Surface:
    across, down = pair
    groups: dict[tuple[str, str], list[int]] = {}
    for trial in trials:
        if trial.number in found:
            groups.setdefault((trial.rules[down], trial.rules[across]), []).append(found[trial.number].net)
    rows = (space[down][0],) if across == down else space[down]
    cells = tuple(
        tuple(_median(groups.get((column if across == down else row, column))) for column in space[across])
        for row in rows
    )
    return Surface(across, "" if across == down else down, tuple(space[across]), tuple(rows), cells)


def _median(nets: Sequence[int] | None) -> int | None:
    return int(median(nets)) if nets else None
