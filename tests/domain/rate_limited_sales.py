"""Positions sold call by call through a rate-limited broker: a small simulation independent of the plan."""

import heapq
from collections.abc import Generator
from random import Random
from typing import Final

_SALE, _LOOK = 1, 2
"""Lanes: sales and cancels have priority over reads of the order list."""
_REST: Final = 1.02
"""Seconds from its response until a slot of the budget is free again."""
_PATIENCE, _BETWEEN_LOOKS = 3.0, 0.5
_Call = tuple[int, float]
"""A lane, and the seconds that the caller waits before its request."""


def seconds_to_sell(positions: int, calls_per_second: int, misses: float) -> float:
    """Return after how many seconds the last of these positions is sold.

    For the fraction ``misses`` of the positions the first limit order does not fill. All of them begin at once.
    """
    chance = Random(positions)
    sales = [_sale(missed=chance.random() < misses) for _ in range(positions)]
    asking = [(pause, lane, position) for position, (lane, pause) in enumerate(map(next, sales))]
    waiting: list[tuple[int, float, int]] = []
    slots, ended = [0.0] * calls_per_second, 0.0
    heapq.heapify(asking)
    while asking or waiting:
        free_at = slots[0] if waiting else max(slots[0], asking[0][0])
        while asking and asking[0][0] <= free_at:
            at, lane, position = heapq.heappop(asking)
            heapq.heappush(waiting, (lane, at, position))
        _, asked_at, position = heapq.heappop(waiting)
        ended = max(free_at, asked_at) + chance.uniform(0.05, 0.25)
        heapq.heapreplace(slots, ended + _REST)
        following = _next_call(sales[position], ended)
        if following is not None:
            heapq.heappush(asking, (ended + following[1], following[0], position))
    return max(slots) - _REST


def _next_call(sale: Generator[_Call, float, None], answered_at: float) -> _Call | None:
    """Return a sale's next request after the answer to its last call; None when it is over."""
    try:
        return sale.send(answered_at)
    except StopIteration:
        return None


def _sale(*, missed: bool) -> Generator[_Call, float, None]:
    for unfilled in (True, False) if missed else (False,):
        yield _SALE, 0  # the price
        yield _SALE, 0  # the order book
        accepted_at = yield _SALE, 0
        seen_at = yield _LOOK, 0
        if not unfilled:
            return
        while seen_at - accepted_at < _PATIENCE:
            seen_at = yield _LOOK, _BETWEEN_LOOKS
        yield _SALE, 0  # the cancel
        yield _LOOK, 0
