"""The sources that decide a backtest's trades: Haru's own, and those of the strategies and filters in use."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.rules import TradingRules
from strategies import known

_ROOT: Final = Path(__file__).resolve().parents[1]
_DECIDING: Final = (
    *("activities", "broker", "database", "domain", "exchange", "history", "lab", "runtime", "simulator"),
    *("strategies", "verifier", "workflows"),
)
_KINDS: Final = (".py", ".sql")
_HASH: Final = 16


class SourcesDifferError(Exception):
    """A process of a backtest has other sources than its parent."""


@cache
def code_hash() -> str:
    """Return a hash of Haru's sources, as they were when this process first asked."""
    digest = sha256()
    for folder in _DECIDING:
        for file in sorted((_ROOT / folder).rglob("*")):
            if file.suffix in _KINDS:
                digest.update(f"{file.relative_to(_ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:_HASH]


def sources_in_use(rules: TradingRules) -> Mapping[str, str]:
    """Return the hashes of Haru's sources and of the strategies and filters that the rules name."""
    catalogue = known()
    strategies = {name: catalogue.sources.get(name, "") for name in rules.strategy.names}
    filters = {f"filter {name}": catalogue.filter_sources.get(name, "") for name in rules.screening.custom_filters}
    return {"haru": code_hash(), **strategies, **filters}


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the names of sources that differ."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
