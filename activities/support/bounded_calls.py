"""Calls of untrusted code: in daemon threads off the event loop, each limited to one second and to 512 MiB.

A call that takes more is abandoned, and its thread is interrupted at its next Python instruction. Memory is that of the
whole process, compared with its start, as far as the system shows it (Linux). Two kinds of call end later:

- A call that waits inside the operating system (a sleep, a socket) keeps its thread until it returns; its callers
  continue.
- A call that stays inside C code and holds the interpreter lock (a catastrophic regular expression, a huge power) stops
  the whole process until it returns: no thread of the process runs meanwhile, including this one.
"""

import asyncio
import ctypes
import mmap
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

LONGEST_CALL: Final = 1.0
"""Limit of one call in real seconds."""
MOST_MEMORY: Final = 512 * 1024 * 1024
"""Bytes by which the process may grow during a call."""
_SECOND_LOOK: Final = 0.05
"""Seconds until an apparently overdue call is checked again: the whole process may have been paused."""
_STATM: Final = Path("/proc/self/statm")
_MOST_AT_ONCE: Final = 4
"""Number of threads that work at a time; further callers wait for one of them."""
_LONGEST_TEXT: Final = 200


class _GivenUpError(BaseException):
    """Raised inside a call that takes too long; no ``except Exception`` of the called code can catch it."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """Return value of a call, or the text of its error."""

    value: T | None = None
    fault: str = ""
    overdue: "CallThread | None" = None
    """Thread of an abandoned call; it stays alive until the call returns."""
    is_greedy: bool = False
    """Whether an abandoned call has taken too much memory, not too long."""


class _Batch(Generic[T]):
    """Calls that one thread makes in sequence."""

    def __init__(self, calls: Sequence[Callable[[], T]]) -> None:
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        self.outcomes: list[Outcome[T]] = []
        self.began_at = self._loop.time()
        self.memory = _resident()
        self.is_greedy = False

    def perform(self) -> None:
        for call in self._calls:
            self.began_at = self._loop.time()
            self.outcomes.append(_outcome_of(call))
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self.over.set)


class CallThread(threading.Thread):
    """Performs its batches one after the other."""

    def __init__(self) -> None:
        super().__init__(name="haru-strategies", daemon=True)
        self._batches: SimpleQueue[_Batch[Any] | None] = SimpleQueue()
        self.start()

    def run(self) -> None:
        with suppress(_GivenUpError):
            while (batch := self._batches.get()) is not None:
                batch.perform()

    def give(self, batch: _Batch[Any]) -> None:
        self._batches.put(batch)

    def interrupt(self) -> None:
        """End the running call at its next Python instruction, and the thread with it."""
        self._batches.put(None)
        if self.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(_GivenUpError))


class BoundedCalls:
    """A small thread pool for all calls of a process; a thread blocked by a call is replaced."""

    def __init__(self, longest: float = LONGEST_CALL, most_memory: int = MOST_MEMORY) -> None:
        self.longest = longest
        self.most_memory = most_memory
        self._idle: list[CallThread] = []
        self._turn = asyncio.Semaphore(_MOST_AT_ONCE)

    async def outcomes(self, calls: Sequence[Callable[[], T]]) -> list[Outcome[T]]:
        """Make the calls in sequence; return their outcomes up to the first overdue call."""
        if not calls:
            return []
        async with self._turn:
            batch = _Batch(calls)
            thread = self._idle.pop() if self._idle else CallThread()
            thread.give(batch)
            try:
                overdue = await self._overdue_in(batch)
            except asyncio.CancelledError:
                thread.interrupt()  # its caller is gone, and an endless call would occupy a processor
                raise
            if overdue is None:
                self._idle.append(thread)
                return batch.outcomes
            thread.interrupt()
            return [*batch.outcomes[:overdue], Outcome(overdue=thread, is_greedy=batch.is_greedy)]

    async def _overdue_in(self, batch: _Batch[T]) -> int | None:
        """Wait for a batch; return the index of the overdue call, or None when all calls are done."""
        suspect, clock = -1, asyncio.get_running_loop().time
        while not batch.over.is_set():
            number, left = len(batch.outcomes), batch.began_at + self.longest - clock()
            batch.is_greedy = _resident() - batch.memory > self.most_memory
            if batch.is_greedy:
                return number
            if left <= 0 and number == suspect:
                return number
            suspect = number if left <= 0 else -1
            with suppress(TimeoutError):
                async with asyncio.timeout(_SECOND_LOOK):
                    await batch.over.wait()
        return None


def _resident() -> int:
    """Return the bytes of this process in memory; 0 where the system does not show them."""
    try:
        return int(_STATM.read_bytes().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


def _outcome_of(call: Callable[[], T]) -> Outcome[T]:
    try:
        return Outcome(call())
    except _GivenUpError:
        raise
    except BaseException as error:  # noqa: BLE001 - the called code may raise anything, even SystemExit
        return Outcome(fault=_described(error))


def _described(error: BaseException) -> str:
    """Return an error as printable text; its own text is not trusted either."""
    try:
        text = "".join(each if each.isprintable() else " " for each in str(error)).strip()
    except Exception:  # noqa: BLE001 - the text comes from code too
        text = ""
    return ": ".join(filter(None, (type(error).__name__, text[:_LONGEST_TEXT])))
