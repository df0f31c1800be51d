"""Free space of a disk: four levels, each left only with a margin."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.room import BALLAST, LEAST_TO_START, LOG_TAKES, Room, RoomLevels, room_at

LEVELS = RoomLevels(scarce=400, short=200, last=100, none=10)
sizes = st.integers(0, 1_000)


@pytest.mark.parametrize(
    ("free", "room"),
    [
        (400, Room.ENOUGH),
        (399, Room.SCARCE),
        (200, Room.SCARCE),
        (199, Room.SHORT),
        (100, Room.SHORT),
        (99, Room.LAST),
        (10, Room.LAST),
        (9, Room.NONE),
        (0, Room.NONE),
    ],
)
def test_a_disk_that_fills_goes_down_level_by_level(free: int, room: Room) -> None:
    assert room_at(free, LEVELS) is room


@pytest.mark.parametrize(
    ("free", "before", "room"),
    [
        (14, Room.NONE, Room.LAST),
        (13, Room.NONE, Room.NONE),
        (134, Room.LAST, Room.SHORT),
        (133, Room.LAST, Room.LAST),
        (267, Room.SHORT, Room.SCARCE),
        (266, Room.SHORT, Room.SHORT),
        (534, Room.LAST, Room.ENOUGH),
        (533, Room.LAST, Room.SCARCE),
    ],
)
def test_a_level_is_left_with_a_third_more(free: int, before: Room, room: Room) -> None:
    assert room_at(free, LEVELS, before) is room


@given(free=sizes, more=sizes, before=st.sampled_from(Room))
def test_more_room_is_never_worse(free: int, more: int, before: Room) -> None:
    assert room_at(free + more, LEVELS, before) >= room_at(free, LEVELS, before)


@given(st.lists(sizes, min_size=2, max_size=30))
def test_a_level_that_was_reported_says_the_truth(path: list[int]) -> None:
    room = Room.ENOUGH
    for free in path:
        room = room_at(free, LEVELS, room)
        assert room <= room_at(free, LEVELS)


def test_nothing_is_bought_before_the_log_could_fill_the_disk() -> None:
    levels = RoomLevels()

    assert levels.last > LOG_TAKES + BALLAST - 1
    assert levels.short > 2 * LOG_TAKES + BALLAST
    assert all(
        more > less for more, less in pairwise((levels.scarce, LEAST_TO_START, levels.short, levels.last, levels.none))
    )
