"""A clock drifts while its file exists, in proportion to the file's age, and is correct without it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.support.pace import RealPace
from domain.clock import LIVE_CLOCK
from tools.chaos.drifting import Drift, drifting


@pytest.mark.parametrize("rate", [0.5, -0.5])
def test_a_clock_drifts_by_its_rate_for_as_long_as_the_file_is_there(tmp_path: Path, rate: float) -> None:
    file = tmp_path / "host.drift"
    drift, pace = Drift(file), RealPace(LIVE_CLOCK)
    now = drifting(RealPace.now, drift)
    assert drift.offset == timedelta(0)

    file.write_text(str(rate))
    an_hour_ago = datetime.now(UTC).timestamp() - 3_600  # noqa: TID251 - a file's own time
    os.utime(file, (an_hour_ago, an_hour_ago))
    off = now(pace) - pace.now()
    assert abs(off - timedelta(seconds=rate * 3_600)) < timedelta(minutes=2)

    file.unlink()
    assert abs(now(pace) - pace.now()) < timedelta(minutes=1)


def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "host.drift"
    file.write_text("fast")

    assert Drift(file).offset == timedelta(0)
