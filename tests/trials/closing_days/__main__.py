"""``python -m tests.trials.closing_days --count N --seed S``: play N seeded days and judge the mornings after."""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from runtime.embedded.ports import free_port
from tests.conftest import HASTY, running
from tests.support.bare_postgres import start_postgres
from tests.trials.closing_days.hands import Hand
from tests.trials.closing_days.judge import Ending, Verdict
from tests.trials.closing_days.table import table


def _all(server_url: str, seeds: Sequence[int], jobs: int) -> list[Verdict]:
    verdicts = []
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawned, initializer=Hand.begin, initargs=(server_url,)) as hands:
        for played in as_completed([hands.submit(Hand.play, seed) for seed in seeds]):
            verdict = played.result()
            verdicts.append(verdict)
            said = f"seed {verdict.seed}: {verdict.ending}, {verdict.positions} positions\n"
            sys.stderr.write(said + "".join(f"    {complaint}\n" for complaint in verdict.complaints))
    return sorted(verdicts, key=lambda verdict: verdict.seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the days and return the exit code: 0 all correct, 1 at least one wrong, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.trials.closing_days", description="The end of many seeded days."
    )
    parser.add_argument("--count", type=int, default=200, help="how many days (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first day's seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes (default %(default)s)")
    asked = parser.parse_args(arguments)
    if asked.count < 1 or asked.jobs < 1:
        parser.error("--count and --jobs must be at least 1")
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), lambda launcher: start_postgres(launcher, free_port(), HASTY)) as url,
    ):
        verdicts = _all(url, range(asked.seed, asked.seed + asked.count), asked.jobs)
    wrong = sum(verdict.ending is Ending.WRONG for verdict in verdicts)
    idle = sum(not verdict.positions for verdict in verdicts)
    played = f"{len(verdicts)} days in {time.monotonic() - began:.0f} s, {wrong} wrong, {idle} without a position"
    sys.stdout.write(f"{table(verdicts)}{played}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
