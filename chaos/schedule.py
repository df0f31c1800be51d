"""What the adversary will do and when, all of it drawn from the seed before the day begins."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final


class FaultKind(StrEnum):
    """Everything that is done to a day, by what it is done to."""

    KILL_HOST = "kill_host"
    FREEZE_HOST = "freeze_host"
    FREEZE_HOST_PAST_LEASE = "freeze_host_past_lease"
    RESTART_HOST = "restart_host"
    KILL_TEMPORAL = "kill_temporal"
    RESTART_TEMPORAL = "restart_temporal"
    FREEZE_TEMPORAL = "freeze_temporal"
    KILL_POSTGRES = "kill_postgres"
    RESTART_POSTGRES = "restart_postgres"
    FREEZE_POSTGRES = "freeze_postgres"
    KILL_BROKER = "kill_broker"

    DROP_REPLY = "drop_reply"
    ERROR_AFTER = "error_after"
    GARBAGE_AFTER = "garbage_after"
    LATE_REPLY = "late_reply"
    LATE_ORDER = "late_order"
    CUT_BEFORE = "cut_before"
    ERROR_BEFORE = "error_before"
    REFUSE_ORDER = "refuse_order"
    LOSE_CANCEL = "lose_cancel"
    CUT_SOCKETS = "cut_sockets"
    QUERY_ERRORS = "query_errors"
    QUERY_GARBAGE = "query_garbage"
    LAG_LISTS = "lag_lists"
    EMPTY_BALANCE = "empty_balance"
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 - a fault, not a password
    RATE_STORM = "rate_storm"

    HAND_BUY = "hand_buy"
    HAND_SELL = "hand_sell"
    JUMP = "jump"
    HALT = "halt"
    INTERRUPT = "interrupt"
    NO_BIDS = "no_bids"
    KILL_SWITCH = "kill_switch"


@dataclass(frozen=True, slots=True)
class Act:
    """One deed of the adversary; ``at`` and ``seconds`` are real seconds, the first since the session opened."""

    at: float
    kind: FaultKind
    host: int = 0
    seconds: float = 0.0
    count: int = 1
    choice: float = 0.0
    """Between 0 and 1: which stock, which side, how many shares, by what is there at that moment."""


_MEAN_PAUSE: Final = 1.1
"""Seconds between two deeds."""
_TOKEN_LASTS: Final = 52.0
"""Seconds before the first token may die: KIS issues one a minute, and without one nothing can be done or shown."""
_LEAST_APART: Final = 4.0
"""Seconds for which at least one hosting process runs before the next one is touched."""
_WEIGHTS: Final[Mapping[FaultKind, int]] = {
    FaultKind.KILL_HOST: 6,
    FaultKind.FREEZE_HOST: 5,
    FaultKind.FREEZE_HOST_PAST_LEASE: 1,
    FaultKind.RESTART_HOST: 2,
    FaultKind.KILL_TEMPORAL: 2,
    FaultKind.RESTART_TEMPORAL: 1,
    FaultKind.FREEZE_TEMPORAL: 1,
    FaultKind.KILL_POSTGRES: 2,
    FaultKind.RESTART_POSTGRES: 1,
    FaultKind.FREEZE_POSTGRES: 1,
    FaultKind.KILL_BROKER: 1,
    FaultKind.DROP_REPLY: 7,
    FaultKind.ERROR_AFTER: 4,
    FaultKind.GARBAGE_AFTER: 3,
    FaultKind.LATE_REPLY: 2,
    FaultKind.LATE_ORDER: 2,
    FaultKind.CUT_BEFORE: 3,
    FaultKind.ERROR_BEFORE: 2,
    FaultKind.REFUSE_ORDER: 2,
    FaultKind.LOSE_CANCEL: 4,
    FaultKind.CUT_SOCKETS: 3,
    FaultKind.QUERY_ERRORS: 3,
    FaultKind.QUERY_GARBAGE: 2,
    FaultKind.LAG_LISTS: 4,
    FaultKind.EMPTY_BALANCE: 2,
    FaultKind.EXPIRE_TOKEN: 4,
    FaultKind.RATE_STORM: 2,
    FaultKind.HAND_BUY: 2,
    FaultKind.HAND_SELL: 1,
    FaultKind.JUMP: 5,
    FaultKind.HALT: 1,
    FaultKind.INTERRUPT: 2,
    FaultKind.NO_BIDS: 1,
    FaultKind.KILL_SWITCH: 1,
}
_ON_HOSTS: Final = frozenset(
    {FaultKind.KILL_HOST, FaultKind.FREEZE_HOST, FaultKind.FREEZE_HOST_PAST_LEASE, FaultKind.RESTART_HOST}
)
_ON_PARTS: Final = frozenset(kind for kind in FaultKind if kind.endswith(("_temporal", "_postgres", "_broker")))
_SECONDS: Final[Mapping[FaultKind, Callable[[Random], float]]] = {
    FaultKind.KILL_HOST: lambda chance: chance.uniform(0.0, 3.0),
    FaultKind.FREEZE_HOST: lambda chance: chance.uniform(1.0, 14.0),
    FaultKind.FREEZE_HOST_PAST_LEASE: lambda chance: chance.uniform(31.0, 36.0),
    FaultKind.RESTART_HOST: lambda chance: chance.uniform(0.0, 1.0),
    FaultKind.FREEZE_TEMPORAL: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.FREEZE_POSTGRES: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.LATE_REPLY: lambda chance: chance.uniform(2.0, 11.0),
    FaultKind.LATE_ORDER: lambda chance: chance.uniform(2.0, 11.0),
    FaultKind.LAG_LISTS: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.HALT: lambda chance: chance.uniform(1.0, 5.0),
    FaultKind.INTERRUPT: lambda chance: chance.uniform(0.5, 4.0),
    FaultKind.NO_BIDS: lambda chance: chance.uniform(1.0, 5.0),
    FaultKind.KILL_SWITCH: lambda chance: chance.uniform(2.0, 6.0),
}
_COUNTS: Final[Mapping[FaultKind, tuple[int, int]]] = {
    FaultKind.CUT_SOCKETS: (2, 12),
    FaultKind.QUERY_ERRORS: (2, 12),
    FaultKind.QUERY_GARBAGE: (1, 4),
    FaultKind.LAG_LISTS: (5, 30),
    FaultKind.EMPTY_BALANCE: (1, 3),
    FaultKind.RATE_STORM: (3, 15),
    FaultKind.DROP_REPLY: (1, 2),
    FaultKind.LOSE_CANCEL: (1, 3),
}


def schedule(seed: int, length: float, hosts: int) -> tuple[Act, ...]:
    """Return the deeds of a day, in time: the same for the same arguments, whatever the day answers to them."""
    return tuple(_acts(Random(seed), length, hosts))


def _acts(chance: Random, length: float, hosts: int) -> Iterator[Act]:
    kinds, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    free_at = _FreeTimes(hosts)
    at = 1.0
    while (at := at + chance.expovariate(1 / _MEAN_PAUSE)) < length:
        (kind,) = chance.choices(kinds, weights)
        act = Act(
            at=round(at, 2),
            kind=kind,
            host=chance.randrange(hosts),
            seconds=round(_SECONDS[kind](chance), 2) if kind in _SECONDS else 0.0,
            count=chance.randint(*_COUNTS.get(kind, (1, 1))),
            choice=round(chance.random(), 4),
        )
        if at + act.seconds < length and free_at.allows(act):
            yield act


class _FreeTimes:
    """Keeps one hosting process on its feet, and parts from falling while they get up: a day must be able to go on."""

    def __init__(self, hosts: int) -> None:
        self._host_free_at = [0.0] * hosts
        self._parts_free_at = 0.0
        self._token_free_at = _TOKEN_LASTS

    def allows(self, act: Act) -> bool:
        """Take the time that the act needs, or refuse it."""
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
