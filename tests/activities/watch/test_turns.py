"""Sales that are due together are recorded and sent one after the other, and a stuck one delays no other for long."""

import asyncio
from contextlib import ExitStack

from activities.watch.turns import Turns


async def steps_of(turns: Turns, callers: int, steps: int) -> list[int]:
    """Let callers take some steps each; return who took them, in order."""
    taken: list[int] = []

    async def one(number: int) -> None:
        with await turns.next():
            for _ in range(steps):
                await asyncio.sleep(0)
                taken.append(number)

    await asyncio.gather(*(one(number) for number in range(callers)))
    return taken


async def test_the_first_is_ready_before_the_last_begins() -> None:
    taken = await steps_of(Turns(2, within=60), callers=50, steps=10)

    assert set(taken[:20]) == {0, 1}
    assert taken[-1] in {48, 49}


async def test_a_turn_ends_once() -> None:
    turns = Turns(1, within=60)
    first, second = await turns.next(), asyncio.create_task(turns.next())
    await asyncio.sleep(0)
    assert not second.done()

    first.close()
    first.close()

    await second
    third = asyncio.create_task(turns.next())
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()


async def test_callers_that_are_stuck_do_not_stop_the_others() -> None:
    turns = Turns(2, within=0.01)
    stuck = [await turns.next() for _ in range(2)]

    turn = await turns.next()

    assert isinstance(turn, ExitStack)
    turn.close()
    for each in stuck:
        each.close()
    assert set((await steps_of(turns, callers=4, steps=5))[:10]) == {0, 1}, "its end frees no turn of another"
