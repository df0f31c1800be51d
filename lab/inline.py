"""Calls of strategies in the thread of the backtest: the same answers in the same order, whatever the machine does."""

import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final, TypeVar

from activities.support.bounded_calls import LONGEST_CALL, BoundedCalls, Outcome

T = TypeVar("T")

_TEXT: Final = 200
_MOST_OVERDUE: Final = 3


class TooLongError(BaseException):
    """A call took too long. Not an ``Exception``, so that the called code cannot catch it."""


class InlineCalls(BoundedCalls):
    """Makes each call at once. An alarm ends one that takes too much processor time, however busy the machine is.

    After a few of these nothing is called any more: each would cost a second of every minute of the day.
    """

    def __init__(self, longest: float = LONGEST_CALL) -> None:
        super().__init__(longest)
        self._overdue = 0
        self._has_alarms = threading.current_thread() is threading.main_thread()
        if self._has_alarms:
            signal.signal(signal.SIGVTALRM, _ring)

    async def outcomes(self, calls: Sequence[Callable[[], T]]) -> list[Outcome[T]]:
        """Make the calls in sequence and return their outcomes."""
        return [self.outcome(call) for call in calls]

    def outcome(self, call: Callable[[], T]) -> Outcome[T]:
        """Make one call and return its outcome."""
        if self._overdue >= _MOST_OVERDUE:
            return Outcome(fault=f"nothing: {_MOST_OVERDUE} calls took longer than {self.longest:g} s")
        self._set_alarm(self.longest)
        try:
            return Outcome(call())
        except TooLongError:
            self._overdue += 1
            return Outcome(fault=f"nothing: it took longer than {self.longest:g} s")
        except BaseException as error:  # noqa: BLE001 - the called code may raise anything, even SystemExit
            return Outcome(fault=f"{type(error).__name__}: {str(error)[:_TEXT]}")
        finally:
            self._set_alarm(0)

    def _set_alarm(self, seconds: float) -> None:
        if self._has_alarms:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


def _ring(_: int, __: FrameType | None) -> None:
    raise TooLongError
