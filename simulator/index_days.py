"""Recorded minutes of KOSPI or KOSDAQ, and the level that they show at an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from simulator.bars import IndexBar
from simulator.krx.sessions import in_seoul
from simulator.krx.units import Market

_LONGEST_GAP: Final = 10
"""Minutes after which the last recorded level does not count."""


@dataclass(frozen=True, slots=True)
class Level:
    """An index at one instant and at the close before, in points; zero if unknown."""

    now: Decimal = Decimal(0)
    before: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class RecordedIndex:
    """One session's minutes of an index, in order."""

    bars: Sequence[IndexBar]
    previous_close: Decimal = Decimal(0)

    def at(self, instant: datetime) -> Level:
        """Return the level: the open of the minute that runs, else the last close if it is not too old.

        Before the first minute of the day it is the previous close.
        """
        local = in_seoul(instant)
        minute = local.hour * 60 + local.minute
        last = next((bar for bar in reversed(self.bars) if bar.minute <= minute), None)
        if last is None:
            return Level(self.previous_close, self.previous_close)
        if minute - last.minute > _LONGEST_GAP:
            return Level(before=self.previous_close)
        return Level(last.open if last.minute == minute else last.close, self.previous_close)


RecordedIndices = Mapping[date, Mapping[Market, RecordedIndex]]
