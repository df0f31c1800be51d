"""A day of the tape that follows recorded bars instead of a seeded curve."""

from domain.money import Price
from domain.tick_size import price_limits
from simulator.day_plan import DayPlan
from simulator.natural_day import NaturalDay
from simulator.recorded import RecordedBars


class RecordedDay(NaturalDay):
    """Prices by second inside recorded minutes; ``plan`` only lends its character's name."""

    def __init__(self, plan: DayPlan, base: Price, minutes: int, recorded: RecordedBars) -> None:
        self.plan = plan
        self.limits = price_limits(base)
        self.bars = recorded.whole(minutes)
        self._closing = recorded.closing

    def liquidity_at(self, minute: int) -> float:  # noqa: ARG002
        """Return the usual depth at every time."""
        return 1.0

    @property
    def closing_volume(self) -> int:
        """Return the shares of the recorded closing auction."""
        return self._closing.volume if self._closing else super().closing_volume
