"""Duties that run and end together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_LONGEST_END = 2.0


async def first_to_end(*duties: Coroutine[Any, Any, Any]) -> None:
    """Run the duties together. When one ends or fails, cancel the others and end the same way."""
    tasks = [asyncio.ensure_future(duty) for duty in duties]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def unhurried(act: Coroutine[Any, Any, T]) -> T:
    """Finish a short action even when cancelled: an interrupted statement costs its connection."""
    doing = asyncio.ensure_future(act)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing], timeout=_LONGEST_END)
        if doing.done() and not doing.cancelled():
            doing.exception()
        raise
