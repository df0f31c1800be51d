"""A strategy's faults are contained in a backtest, and one that hangs does not stop it."""

from contextlib import suppress

import pytest

from lab.inline import InlineCalls


def hangs() -> None:
    while True:
        with suppress(Exception):  # as a careless strategy would
            pass


@pytest.mark.parametrize("fault", [ValueError("no"), SystemExit(3), RecursionError()])
async def test_an_error_is_an_outcome_and_the_other_calls_are_made(fault: BaseException) -> None:
    def raises() -> int:
        raise fault

    first, second = await InlineCalls().outcomes([raises, lambda: 7])

    assert type(fault).__name__ in first.fault
    assert second.value == 7


def test_a_call_that_hangs_is_ended_and_after_three_nothing_is_called() -> None:
    calls = InlineCalls(longest=0.05)

    faults = [calls.outcome(hangs).fault for _ in range(3)]

    assert all("longer than 0.05 s" in fault for fault in faults)
    assert "3 calls took longer" in calls.outcome(lambda: None).fault
