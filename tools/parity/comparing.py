"""Play one day in both ways and compare its trades one by one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.market import Side
from domain.session import TradingCalendar
from lab.parity.matching import Pair, pairs_of
from tools.parity.book import Book
from tools.parity.causes import Cause, Difference, Sides
from tools.parity.entries import missing_trade, other_time
from tools.parity.exits import other_exit
from tools.parity.lab_day import play_in_the_lab
from tools.parity.oracle import Oracle
from tools.parity.played import Played
from tools.parity.prices import other_price, other_size
from tools.parity.real_day import RealDay, play_on_processes
from verifier.invariants import violations


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pairs of trades, with the differences of each; and what the verifier found in each day."""

    day: RealDay
    pairs: Sequence[tuple[Pair, Sequence[Difference]]]
    violations: Mapping[str, int]

    @property
    def differences(self) -> list[Difference]:
        return [each for _, found in self.pairs for each in found]

    @property
    def causes(self) -> Counter[Cause]:
        """Return how many differences each cause has."""
        return Counter(each.cause for each in self.differences)

    @property
    def is_explained(self) -> bool:
        """Return whether every difference has a cause, and both days are sound."""
        return not self.causes[Cause.UNEXPLAINED] and not any(self.violations.values())


async def compare(day: RealDay, calendar: TradingCalendar, home: Path) -> Comparison:
    """Play the day in both ways, in folders of ``home``, and explain each difference."""
    lab, recorded = await play_in_the_lab(day, calendar, home / "engine")
    real = await play_on_processes(day, home / "processes")
    oracle = Oracle(recorded, day.bars, day.rules, day.capital, calendar)
    return explained(day, real, lab, oracle)


def explained(day: RealDay, real: Played, lab: Played, oracle: Oracle) -> Comparison:
    """Compare two played days."""
    sides = Sides(Book(real, day.rules.risk), Book(lab, day.rules.risk), oracle, day.rules, day.speed)
    pairs = pairs_of(sides.real.trades, sides.lab.trades, day.rules.risk.symbol_cooldown)
    found = {played.how: sum(map(len, violations(played.books).values())) for played in (real, lab)}
    return Comparison(day, [(pair, differences_of(sides, pair)) for pair in pairs], found)


def differences_of(sides: Sides, pair: Pair) -> list[Difference]:
    """Return every difference of a pair; none if both trades are equal in time, price, size and reason."""
    if pair.lab is None:
        return [missing_trade(sides, pair.any, sides.real, sides.lab)]
    if pair.real is None:
        return [missing_trade(sides, pair.any, sides.lab, sides.real)]
    real, lab = pair.real, pair.lab
    found = (
        other_time(sides, real, lab),
        other_price(sides, real, lab, Side.BUY),
        other_size(sides, real, lab),
        other_exit(sides, real, lab),
        other_price(sides, real, lab, Side.SELL),
    )
    return [each for each in found if each is not None]
