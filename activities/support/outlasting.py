"""Work that goes on while Temporal is silent: its lease in PostgreSQL, not its heartbeat, excludes another holder."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import activity
from temporalio.service import RPCError

from activities.support.pace import note_failure

T = TypeVar("T")

_BETWEEN_PROBES: Final = 2.0
"""Seconds."""
_ANSWERS_WITHIN: Final = timedelta(seconds=2)
_OVERLAP: Final = 10.0
"""Seconds after Temporal's first answer in which the next attempt starts."""


async def outlasting(work: Coroutine[Any, Any, T]) -> T:
    """Run an activity's work to its end, also after its heartbeats have not reached Temporal for too long.

    The SDK cancels an attempt some seconds after its last heartbeat that a server has answered. The work then goes on
    until Temporal answers again and another attempt has had time to start. Any other cancellation ends it at once.
    """
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        if not doing.done():
            return await _end_of(doing)
        raise
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait([doing])
        note_failure(doing)


async def _end_of(doing: "asyncio.Future[T]") -> T:
    """Await the work while Temporal is silent.

    Raises:
        CancelledError: the cancellation has another cause, or Temporal is back.
    """
    is_back = asyncio.ensure_future(_until_temporal_is_back())
    waits: list[asyncio.Future[Any]] = [doing, is_back]
    try:
        while is_silent() and not any(wait.done() for wait in waits):
            with suppress(asyncio.CancelledError):  # an attempt that is over for the SDK may be cancelled repeatedly
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise asyncio.CancelledError
        return doing.result()
    finally:
        is_back.cancel()
        is_back.add_done_callback(note_failure)


def is_silent() -> bool:
    """Return whether the SDK has cancelled this attempt for lack of a server: its result would reach no workflow."""
    details = activity.cancellation_details()
    return details is not None and details.timed_out and not activity.is_worker_shutdown()


async def _until_temporal_is_back() -> None:
    activity.logger.warning("temporal_silent", extra={"activity": activity.info().activity_type})
    while True:
        if await _answers():
            break
        await asyncio.sleep(_BETWEEN_PROBES)
    await asyncio.sleep(_OVERLAP)


async def _answers() -> bool:
    try:
        return await activity.client().service_client.check_health(timeout=_ANSWERS_WITHIN)
    except (RPCError, RuntimeError):
        return False
