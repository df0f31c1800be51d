"""``python -m chaos --seed N``: exit code 0 when no invariant broke in any round, 1 when one did."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chaos.processes import HostFailedError
from chaos.report import faults_table, is_sound, rounds_table, save, schedule_table
from chaos.rounds import Asked, Outcome, play_round
from chaos.schedule import schedule
from operations.desk import stdout_console
from starter import EXPECTED_ERRORS, leave
from verifier.report import report_lines


async def _play(asked: argparse.Namespace, console: Console) -> list[Outcome]:
    home = Path.cwd() / ".haru" / "chaos"
    home.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for seed in range(asked.seed, asked.seed + asked.rounds):
        wanted = Asked(seed, asked.minutes, asked.processes, asked.workers)
        outcome = await play_round(wanted, home, lambda word: console.print(word, markup=False, highlight=False))
        outcomes.append(outcome)
        console.print("\n".join(report_lines(outcome.verdict)), markup=False, highlight=False)
        console.print(f"Result: {save(outcome, home)}", soft_wrap=True)
    return outcomes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Break whole days, and count what breaks.")
    parser.add_argument("--seed", type=int, default=1, help="the first round's seed (default 1)")
    parser.add_argument("--rounds", type=int, default=1, help="how many seeds in a row (default 1)")
    parser.add_argument("--minutes", type=float, default=1.6, help="real length of a session (default 1.6)")
    parser.add_argument("--processes", type=int, default=2, help="hosting processes (default 2)")
    parser.add_argument("--workers", type=int, default=6, help="trading workers (default 6)")
    parser.add_argument("--list", action="store_true", help="show the schedules without playing them")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the rounds and return the exit code."""
    asked = _parser().parse_args(arguments)
    console = stdout_console()
    if asked.list:
        for seed in range(asked.seed, asked.seed + asked.rounds):
            wanted = Asked(seed, asked.minutes, asked.processes, asked.workers)
            console.print(schedule_table(schedule(seed, wanted.troubled, wanted.processes)))
        return 0
    # Its pools lose their servers by our own hand, all the time.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    try:
        outcomes = asyncio.run(_play(asked, console))
    except (HostFailedError, *EXPECTED_ERRORS) as error:
        sys.stderr.write(f"chaos: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(faults_table(outcomes))
    console.print(rounds_table(outcomes))
    return 0 if all(is_sound(outcome) for outcome in outcomes) else 1


if __name__ == "__main__":
    leave(main())
