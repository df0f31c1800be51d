"""The parameters of a sweep: which texts each swept rule takes, and which combinations are tried."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from itertools import product
from math import prod
from typing import Final

from domain.errors import BadRulesError
from domain.rules import ExitRules
from strategies import known

MOST_TRIALS: Final = 20_000
_MOST_VALUES: Final = 200
_PPM: Final = 1_000_000
_NUMBER: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(%|ms|s|m|h|)")
Space = Mapping[str, Sequence[str]]
"""The swept rules by dotted name, each with its texts in order."""


def read_space(strategy: str, asked: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``factor=0.3..0.9..0.1`` and ``exits.stop_loss=1%,2%``; a bare name is a parameter or an exit rule.

    Raises:
        BadRulesError: a text cannot be read, or a name is given twice.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in asked:
        name, equals, values = text.partition("=")
        if not equals or not values.strip():
            raise BadRulesError(f"--vary {text}: write NAME=FROM..TO..STEP or NAME=A,B, such as stop_loss=1%..3%..0.5%")
        rule = _rule(strategy, name.strip())
        if rule in found:
            raise BadRulesError(f"--vary {name.strip()}: named twice; write all its values once")
        found[rule] = _texts(name.strip(), values.strip())
    return found


def size_of(space: Space) -> int:
    """Return the number of combinations."""
    return prod(len(texts) for texts in space.values())


def grid(space: Space) -> Iterator[dict[str, str]]:
    """Yield every combination."""
    for texts in product(*space.values()):
        yield dict(zip(space, texts, strict=True))


def combination(space: Space, number: int) -> dict[str, str]:
    """Return one combination by its place in the grid."""
    found: dict[str, str] = {}
    for rule in reversed(list(space)):
        number, place = divmod(number, len(space[rule]))
        found[rule] = space[rule][place]
    return {rule: found[rule] for rule in space}


def drawn(space: Space, count: int, seed: int) -> Iterator[dict[str, str]]:
    """Yield different combinations by chance; the same seed yields the same ones."""
    size = size_of(space)
    chance = random.Random(seed)  # noqa: S311 - a search, no secret
    for number in chance.sample(range(size), min(count, size)):
        yield combination(space, number)


def finer_exit(exits: ExitRules) -> str:
    """Return the rule whose value is finer than the compiled exits read, 0.0001 % or a second; empty if none is."""
    rates = ("stop_loss", "take_profit", "trailing_start", "trailing_distance")
    finer = [name for name in rates if getattr(exits, name) * _PPM % 1]
    if exits.longest_holding % timedelta(seconds=1):
        finer.append("longest_holding")
    return finer[0] if finer else ""


def _rule(strategy: str, name: str) -> str:
    if "." in name:
        return name
    found = known().strategies.get(strategy)
    parameters = () if found is None else tuple(found.model.model_fields)
    if name in parameters:
        return f"strategy.{strategy}.{name}"
    exits = [each.name for each in fields(ExitRules)]
    if name not in exits:
        raise BadRulesError(
            f"--vary {name}: unknown; choose among {', '.join((*parameters, *exits))}; "
            "other rules need their group, such as risk.symbol_cooldown"
        )
    return f"exits.{name}"


def _texts(name: str, values: str) -> tuple[str, ...]:
    parts = [part.strip() for part in values.split("..")]
    texts = _range(name, parts) if len(parts) > 1 else [part.strip() for part in values.split(",")]
    if not all(texts) or len(set(texts)) < len(texts):
        raise BadRulesError(f"--vary {name}={values}: a value is empty or named twice")
    return tuple(texts)


def _range(name: str, parts: Sequence[str]) -> list[str]:
    whole = f"{name}={'..'.join(parts)}"
    read = [_NUMBER.fullmatch(part) for part in parts]
    steps = [each for each in read if each is not None]
    if len(parts) != len(("from", "to", "step")) or len(steps) < len(parts) or len({each[2] for each in steps}) > 1:
        raise BadRulesError(
            f"--vary {name}={'..'.join(parts)}: write FROM..TO..STEP with one unit, such as 1%..3%..0.5%"
        )
    first, last, step = (Decimal(each[1]) for each in steps)
    if step <= 0 or last < first or (last - first) / step >= _MOST_VALUES:
        raise BadRulesError(f"--vary {whole}: the step must be above 0 and make at most {_MOST_VALUES} values")
    return [f"{(first + number * step).normalize():f}{steps[0][2]}" for number in range(int((last - first) / step) + 1)]
