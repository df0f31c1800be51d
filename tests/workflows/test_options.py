"""The named time-outs: a dead watch or sale is detected within seconds, a live watch may miss two heartbeats."""

from datetime import timedelta

import pytest
from temporalio.workflow import ActivityConfig

from runtime.composition import LONGEST_BETWEEN_BEATS
from workflows.options import LOOK, SELL_DECISION, SUBMIT_EXIT_ONCE, WATCH

NOTICED_WITHIN = timedelta(seconds=3)
RETRIED_AFTER = timedelta(milliseconds=200)


def test_a_dead_watch_begins_again_within_three_seconds() -> None:
    policy = WATCH["retry_policy"]
    timeout = WATCH["heartbeat_timeout"]

    assert policy is not None
    assert timeout is not None
    assert policy.initial_interval == RETRIED_AFTER
    assert timeout + RETRIED_AFTER < NOTICED_WITHIN


def test_a_position_that_has_changed_hands_ten_times_is_not_left_alone_longer_for_it() -> None:
    policy = WATCH["retry_policy"]

    assert policy is not None
    assert RETRIED_AFTER * policy.backoff_coefficient**10 < 3 * RETRIED_AFTER


@pytest.mark.parametrize("options", [SELL_DECISION, SUBMIT_EXIT_ONCE, LOOK])
def test_a_process_that_is_cut_off_with_a_sale_in_its_hands_is_missed_within_five_seconds(
    options: ActivityConfig,
) -> None:
    timeout = options["heartbeat_timeout"]

    assert timeout is not None
    assert timeout <= timedelta(seconds=5)


def test_a_living_watch_may_miss_two_beats() -> None:
    timeout = WATCH["heartbeat_timeout"]

    assert timeout is not None
    assert timeout > 3 * LONGEST_BETWEEN_BEATS
