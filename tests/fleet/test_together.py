"""Duties end together, and a short task runs to its end even when it is cancelled."""

import asyncio

import pytest

from fleet.together import first_to_end, unhurried


async def test_the_first_to_end_ends_all_in_its_own_way() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await first_to_end(waits(), fails())
    assert ended == ["waits"]


async def test_what_is_short_is_done_to_its_end_though_it_is_cancelled() -> None:
    done = asyncio.Event()

    async def short() -> None:
        await asyncio.sleep(0.05)
        done.set()

    doing = asyncio.create_task(unhurried(short()))
    await asyncio.sleep(0.01)
    doing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await doing
    assert done.is_set()


async def test_its_result_and_its_error_come_through() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> int:
        raise LookupError

    assert await unhurried(answer()) == 42
    with pytest.raises(LookupError):
        await unhurried(fail())
