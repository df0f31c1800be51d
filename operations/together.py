"""Duties that live and end together."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_to_end(*duties: Coroutine[Any, Any, Any]) -> None:
    """Run the duties together; when one ends, in whatever way, the others are cancelled and this ends the same way."""
    tasks = [asyncio.ensure_future(duty) for duty in duties]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
