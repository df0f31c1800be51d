"""``python -m verifier`` reports in one line which service is down."""

import os
import subprocess
import sys
from collections.abc import Mapping

from tests.runtime.embedded.processes import ROOT


def test_temporal_that_is_away_is_named_without_a_traceback(paper_fleet: Mapping[str, str], unused_port: int) -> None:
    settings = {**paper_fleet, "TEMPORAL_ADDRESS": f"127.0.0.1:{unused_port}"}

    done = subprocess.run(
        [sys.executable, "-m", "verifier"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"verifier: Temporal at 127.0.0.1:{unused_port}" in done.stderr
    assert "Traceback" not in done.stderr
