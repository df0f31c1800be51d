"""The adversary's schedule, drawn from the seed before the day starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from tools.chaos.kinds import COUNTS, LIKELY, SECONDS, WEIGHTS, FaultKind, Kind


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the adversary; ``at`` and ``seconds`` are real seconds, ``at`` since the session opened."""

    at: float
    kind: Kind
    host: int = 0
    seconds: float = 0.0
    count: int = 1
    choice: float = 0.0
    """Between 0 and 1: selects stock, side and number of shares from what exists at that moment."""


_MEAN_PAUSE: Final = 1.1
"""Mean seconds between two acts."""
_TOKEN_LASTS: Final = 52.0
"""Seconds before the first token may expire: KIS issues one per minute, and without one no call succeeds."""
_LEAST_APART: Final = 4.0
"""Seconds for which at least one hosting process runs before the next one is hit."""
_ON_HOSTS: Final = frozenset(
    {
        FaultKind.KILL_HOST,
        FaultKind.FREEZE_HOST,
        FaultKind.FREEZE_HOST_PAST_LEASE,
        FaultKind.RESTART_HOST,
        FaultKind.OTHER_ALERT_SETTINGS,
        FaultKind.LINK_LOST,
        FaultKind.LATE_DELIVERY,
    }
)
_ON_PARTS: Final = frozenset(kind for kind in FaultKind if kind.endswith(("_temporal", "_postgres", "_broker")))


def schedule(seed: int, length: float, hosts: int) -> tuple[Act, ...]:
    """Return the acts of a day in order of time. They depend only on the arguments, not on the day's course.

    Hardships have a chance of their own: all other acts of a seed are what they were before hardships existed.
    """
    hard = _hardships(Random(f"hard {seed}"), length)
    return tuple(sorted((*_acts(Random(seed), length, hosts), *hard), key=lambda act: act.at))


def _hardships(chance: Random, length: float) -> Iterator[Act]:
    for kind, likely in LIKELY.items():
        is_drawn, at, size = chance.random() < likely, chance.uniform(0.5, max(length / 3, 0.5)), chance.random()
        if is_drawn and at < length:
            yield Act(at=round(at, 2), kind=kind, choice=round(size, 4))


def _acts(chance: Random, length: float, hosts: int) -> Iterator[Act]:
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    free_at = _FreeTimes(hosts)
    at = 1.0
    while (at := at + chance.expovariate(1 / _MEAN_PAUSE)) < length:
        (kind,) = chance.choices(kinds, weights)
        act = Act(
            at=round(at, 2),
            kind=kind,
            host=chance.randrange(hosts),
            seconds=round(SECONDS[kind](chance), 2) if kind in SECONDS else 0.0,
            count=chance.randint(*COUNTS.get(kind, (1, 1))),
            choice=round(chance.random(), 4),
        )
        if act.at + act.seconds < length and free_at.allows(act):
            yield act


class _FreeTimes:
    """Keeps one hosting process running and protects restarting parts, so that the day can continue."""

    def __init__(self, hosts: int) -> None:
        self._host_free_at = [0.0] * hosts
        self._parts_free_at = 0.0
        self._token_free_at = _TOKEN_LASTS

    def allows(self, act: Act) -> bool:
        """Reserve the time that the act needs, or refuse it."""
        needed = act.at + act.seconds + _LEAST_APART
        if act.kind in _ON_PARTS:
            if act.at < self._parts_free_at:
                return False
            self._parts_free_at = needed
            return True
        if act.kind is FaultKind.EXPIRE_TOKEN:
            return self._token_may_die(act)
        if act.kind not in _ON_HOSTS:
            return True
        others = [free_at for host, free_at in enumerate(self._host_free_at) if host != act.host]
        if act.at < self._host_free_at[act.host] or min(others, default=0.0) > act.at:
            return False
        self._host_free_at[act.host] = needed
        return True

    def _token_may_die(self, act: Act) -> bool:
        if act.at < self._token_free_at:
            return False
        self._token_free_at = act.at + 2 * _TOKEN_LASTS
        return True
