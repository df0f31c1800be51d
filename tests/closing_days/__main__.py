"""``python -m tests.closing_days --count N --seed S``: the end of N seeded days and the morning after each, judged."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from database.migrations import apply
from embedded.ports import free_port
from embedded.postgres import start_postgres
from tests.clockwork.clockwork import StuckError
from tests.clockwork.town import Town, a_town
from tests.closing_days.judge import Ending, Verdict, judged
from tests.closing_days.plan import plan_of
from tests.closing_days.playing import play
from tests.closing_days.table import table
from tests.conftest import HASTY, running


async def verdict_on(town: Town, seed: int) -> Verdict:
    """Play the day of a seed and judge it; a day that does not come to its end is wrong."""
    try:
        return judged(await play(town, plan_of(seed)))
    except StuckError as stuck:
        return Verdict(seed, Ending.WRONG, 0, (), 0, (f"stuck: {stuck}",))


async def _all(database_url: str, seeds: Sequence[int]) -> list[Verdict]:
    verdicts = []
    async with a_town(database_url) as town:
        for seed in seeds:
            began = time.monotonic()
            verdict = await verdict_on(town, seed)
            verdicts.append(verdict)
            said = f"seed {seed}: {verdict.ending}, {verdict.positions} positions, {time.monotonic() - began:.1f} s\n"
            sys.stderr.write(said + "".join(f"    {complaint}\n" for complaint in verdict.complaints))
    return verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the days and return the exit code: 0 none was wrong, 1 one was, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.closing_days", description="The end of many seeded days.")
    parser.add_argument("--count", type=int, default=200, help="how many days (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first day's seed (default %(default)s)")
    asked = parser.parse_args(arguments)
    if asked.count < 1:
        parser.error("--count must be at least 1")
    logging.basicConfig(handlers=[logging.NullHandler()])  # what is refused or lost on such days would fill the screen
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), lambda launcher: start_postgres(launcher, free_port(), HASTY)) as url,
    ):
        apply(url)
        verdicts = asyncio.run(_all(url, range(asked.seed, asked.seed + asked.count)))
    wrong = sum(verdict.ending is Ending.WRONG for verdict in verdicts)
    sys.stdout.write(f"{table(verdicts)}{len(verdicts)} days in {time.monotonic() - began:.0f} s, {wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
