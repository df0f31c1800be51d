"""A call ends when its caller is gone, however long it would run."""

import asyncio
import threading

import pytest

from activities.support.bounded_calls import BoundedCalls
from tests.activities.test_untrusted_strategies import a_spin


async def test_a_call_whose_caller_is_cancelled_does_not_spin_on() -> None:
    spins, threads = asyncio.Event(), list[threading.Thread]()
    loop = asyncio.get_running_loop()

    def spin_for_ever() -> None:
        threads.append(threading.current_thread())
        loop.call_soon_threadsafe(spins.set)
        a_spin()

    asking = asyncio.create_task(BoundedCalls(longest=3600).outcomes([spin_for_ever]))
    await spins.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await asyncio.to_thread(threads[0].join, 30)
    assert not threads[0].is_alive()
