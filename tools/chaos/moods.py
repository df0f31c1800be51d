"""Strategies that raise or hang while a file says so, as third-party code may do at any time."""

import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.market import MarketView
from domain.position import OpenPosition
from domain.rules import StrategyRules
from domain.strategy import EntrySignal, Strategy

MOOD_FILE: Final = "CHAOS_MOOD_FILE"
"""Environment variable with the path of a hosting process's mood file."""
_LONGEST_HANG: Final = 30.0
_STEP: Final = 0.05


class Mood(StrEnum):
    """How a strategy misbehaves."""

    RAISES = "raises"
    HANGS = "hangs"


class MoodError(Exception):
    """Raised by a strategy on request of the mood file."""


class Moody:
    """A strategy that decides like another one unless its process's mood file names a mood."""

    def __init__(self, sane: Strategy, mood_file: Path) -> None:
        self.name = sane.name
        self.version = sane.version
        self.source = getattr(sane, "source", "")
        self._sane = sane
        self._file = mood_file

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the wrapped strategy's parameters."""
        return self._sane.parameters(rules)

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Misbehave if the mood file says so, else decide."""
        self._behave()
        return self._sane.entry(view, rules)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        """Misbehave if the mood file says so, else decide."""
        self._behave()
        return self._sane.wants_out(view, position, rules)

    def _behave(self) -> None:
        if self._mood() == Mood.RAISES:
            raise MoodError("drawn from the seed")
        until = time.monotonic() + _LONGEST_HANG
        while self._mood() == Mood.HANGS and time.monotonic() < until:
            time.sleep(_STEP)

    def _mood(self) -> str:
        try:
            return self._file.read_text()
        except OSError:
            return ""


def moody(known: Mapping[str, Strategy], mood_file: Path) -> Mapping[str, Strategy]:
    """Return the strategies by name, each wrapped with moods."""
    return MappingProxyType({name: Moody(strategy, mood_file) for name, strategy in known.items()})
