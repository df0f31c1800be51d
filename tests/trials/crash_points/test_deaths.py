"""A day whose path differs from the undisturbed one is played again, and is judged all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.trials.crash_points.deaths import broken_by_deaths

_EXPECTED: Final = ["start: before insert events", "start: after insert events", "submit_order: before POST order-cash"]
_NAME: Final = "2 start: after insert events"
_DIFFERS: Final = "crossing 2 is 'start: before update workers' instead of 'start: after insert events'"


@dataclass(frozen=True)
class _Day:
    crossings: list[str]
    violations: tuple[str, ...] = ()


_SAME: Final = _Day(_EXPECTED[:2])
_OTHER: Final = _Day([_EXPECTED[0], "start: before update workers"])


async def _broken(*days: _Day) -> tuple[dict[str, list[str]], int]:
    """Return the faults and how many days were played."""
    played: list[_Day] = []

    async def play(ends_at: int) -> _Day:
        assert ends_at == 2
        played.append(days[len(played)])
        return played[-1]

    def violations_of(day: _Day) -> list[str]:
        return list(day.violations)

    chosen: Sequence[int] = [2]
    return await broken_by_deaths(play, violations_of, _EXPECTED, chosen), len(played)


async def test_a_day_on_the_same_way_is_played_once() -> None:
    assert await _broken(_SAME) == ({}, 1)


async def test_a_day_that_a_slow_machine_led_elsewhere_is_played_again() -> None:
    assert await _broken(_OTHER, _SAME) == ({}, 2)


async def test_a_day_that_always_takes_another_way_is_reported_with_the_first_difference() -> None:
    assert await _broken(_OTHER, _OTHER, _OTHER) == ({_NAME: [_DIFFERS]}, 3)


async def test_a_violation_counts_on_any_way() -> None:
    wrong = _Day(_OTHER.crossings, ("I2: sent twice",))
    assert await _broken(wrong) == ({_NAME: [_DIFFERS, "I2: sent twice"]}, 1)
