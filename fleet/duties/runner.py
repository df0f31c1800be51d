"""Run the duties of a host side by side. A duty that fails or hangs neither delays another nor ends the host."""

import asyncio
import logging
import random
import socket
from collections.abc import Sequence
from typing import Final

from temporalio.service import RPCError

from database.errors import DATABASE_FAULTS
from domain.events.machines import FailedDuty, duty_failed
from domain.plain_text import one_line
from fleet.duties.duty import Duty, Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_JITTER: Final = 0.1
"""Share of an interval by which a pause may be shorter, so that the duties of all hosts do not run in step."""
_LONGEST_PAUSE: Final = 60.0
"""Real seconds up to which a failing duty slows down; a longer interval stays as it is."""
_ENDS_WITHIN: Final = 1.0
"""Real seconds that a cancelled round has to end when the host stops."""
_ALL_END_WITHIN: Final = 5.0
_WRITTEN_WITHIN: Final = 5.0
_LOGGED_EVERY: Final = 300.0
_NOTED_EVERY: Final = 10.0
_OVERDUE_ROUNDS: Final = 3
"""Intervals without a success, beside the time that a round may take, after which a duty is overdue."""
_LONGEST_CAUSE: Final = 300


class DutyRunner:
    """Runs the duties that apply to the fleet's environment. They stop in reverse order, the last one first."""

    def __init__(self, fleet: Fleet, duties: Sequence[Duty], host_id: str = "") -> None:
        """Note the age of each duty under ``host_id``, if it is given."""
        self._fleet = fleet
        self._host_id = host_id
        self._duties = [duty for duty in duties if fleet.environment in duty.terms.environments]
        self._random = random.Random()  # noqa: S311 - it spreads load; nothing depends on it
        self._started = 0.0
        self._succeeded: dict[str, float] = {}

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            Exception: an error that ends the host, as the duty's terms name it.
        """
        self._started = asyncio.get_running_loop().time()
        noting = [self._note_ages()] if self._host_id else []
        running = (self._log_successes(), *noting, *(self._repeat(duty) for duty in self._duties))
        tasks = [asyncio.create_task(each) for each in running]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _stop(tasks)
            self._log()

    async def _repeat(self, duty: Duty) -> None:
        every, failures = duty.terms.interval(self._fleet.clock), 0
        if not duty.terms.at_once:
            await self._pause(every)
        while True:
            failures = 0 if await self._round(duty) else failures + 1
            await self._pause(_slowed(every, failures))

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * (1 - _JITTER * self._random.random()))

    async def _round(self, duty: Duty) -> bool:
        """Run one round to its end; return whether the next one comes in time. Rounds of one duty never overlap."""
        terms, has_hung = duty.terms, False
        doing: asyncio.Task[None] = asyncio.ensure_future(_looking(duty))
        try:
            await asyncio.wait([doing], timeout=terms.within)
            while not doing.done():
                has_hung = True
                doing.cancel()
                await self._report_hang(terms)
                await asyncio.wait([doing], timeout=terms.within)
        finally:
            await _ended(doing)
        if has_hung and doing.cancelled():
            return False
        return await self._judged(terms, doing)

    async def _judged(self, terms: Terms, done: "asyncio.Task[None]") -> bool:
        error = asyncio.CancelledError("it cancelled itself") if done.cancelled() else done.exception()
        if error is None:
            self._succeeded[terms.name] = asyncio.get_running_loop().time()
            return True
        if isinstance(error, terms.ends_host):
            raise error
        cause = f"{type(error).__name__}: {error}"
        if isinstance(error, (*DATABASE_FAULTS, RPCError)):
            logger.warning("hosting_duty_postponed", extra={"duty": terms.name, "cause": cause})
            return True
        logger.error("hosting_duty_failed", extra={"duty": terms.name}, exc_info=error)
        host, name = socket.gethostname(), terms.name
        await self._record(terms, f"duty {name} of host {host} failed: {one_line(cause, _LONGEST_CAUSE)}")
        return False

    async def _report_hang(self, terms: Terms) -> None:
        name, host, seconds = terms.name, socket.gethostname(), round(terms.within)
        logger.error("hosting_duty_hung", extra={"duty": name, "seconds": seconds})
        await self._record(terms, f"duty {name} of host {host} has not ended after {seconds} s")

    async def _record(self, terms: Terms, cause: str) -> None:
        """Append an event, once an hour for each duty and host. The log has every failure."""
        fleet, at, host = self._fleet, self._fleet.market_now(), socket.gethostname()
        failed = FailedDuty(terms.name, host, cause, f"{fleet.real_now():%Y%m%d%H}")
        event = duty_failed(fleet.account_id, failed, terms.level, at)
        try:
            async with asyncio.timeout(_WRITTEN_WITHIN):
                await fleet.database.events.append(event)
        except Exception as fault:  # noqa: BLE001 - a failure here must not stop the duty; the log has the cause
            extra = {"duty": terms.name, "cause": f"{type(fault).__name__}: {fault}"}
            logger.warning("duty_failure_not_recorded", extra=extra)

    async def _note_ages(self) -> None:
        """Note in the books how long ago each duty succeeded. A note that fails makes its duties look older."""
        while True:
            await asyncio.sleep(_NOTED_EVERY)
            now, clock = asyncio.get_running_loop().time(), self._fleet.clock
            ages = {
                duty.terms.name: (
                    now - self._succeeded.get(duty.terms.name, self._started),
                    _OVERDUE_ROUNDS * duty.terms.interval(clock) + duty.terms.within,
                )
                for duty in self._duties
            }
            try:
                async with asyncio.timeout(_WRITTEN_WITHIN):
                    await self._fleet.database.hosts.note_duties(self._fleet.account_id, self._host_id, ages)
            except (*DATABASE_FAULTS, TimeoutError):
                continue

    async def _log_successes(self) -> None:
        while True:
            await asyncio.sleep(_LOGGED_EVERY)
            self._log()

    def _log(self) -> None:
        """Log for each duty how long ago (real seconds) its last successful round was."""
        now = asyncio.get_running_loop().time()
        names = [duty.terms.name for duty in self._duties]
        at = [self._succeeded.get(name) for name in names]
        ages = ["never" if success is None else f"{now - success:.0f}" for success in at]
        text = " ".join(f"{name}={age}" for name, age in zip(names, ages, strict=True))
        logger.info("duties_last_succeeded", extra={"seconds_ago": text})


async def _looking(duty: Duty) -> None:
    await duty.look()


def _slowed(every: float, failures: int) -> float:
    return min(every * 2.0 ** min(failures, 10), max(every, _LONGEST_PAUSE))


async def _stop(tasks: "Sequence[asyncio.Task[None]]") -> None:
    """Stop the tasks one after another, the last one first, all within a bound."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _ALL_END_WITHIN
    for task in reversed(tasks):
        await _ended(task, min(max(until - loop.time(), 0.0), _ENDS_WITHIN))


async def _ended(task: "asyncio.Task[None]", within: float = _ENDS_WITHIN) -> None:
    """Cancel a task and wait for its end. Its error counts as seen."""
    task.cancel()
    await asyncio.wait([task], timeout=within)
    if task.done() and not task.cancelled():
        task.exception()
