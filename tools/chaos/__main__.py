"""Command line: ``--seed N``, or ``--outage PART --during MOMENT``; exit code 0 if each day is sound."""

import argparse
import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from cli.desk import stdout_console
from cli.tables.terminal import Terminal
from runtime.opening import EXPECTED_ERRORS
from runtime.standard_error import guard_standard_error, leave, say_error
from security.private_files import close_to_others, private_folder, write_private
from tools.chaos.outage_report import outages_table, timeline
from tools.chaos.outages import Moment, NoOrderError, Outage, Part, Stood, stand
from tools.chaos.processes import HostFailedError
from tools.chaos.report import faults_table, rounds_table, save, schedule_table, unsound_because
from tools.chaos.rounds import Asked, play_round
from tools.chaos.schedule import schedule
from verifier.report import report_lines

_ALL: Final = "all"


async def _play(asked: argparse.Namespace, console: Terminal) -> bool:
    home = _home()
    outcomes = []
    for seed in range(asked.seed, asked.seed + asked.rounds):
        wanted = Asked(seed, asked.minutes, asked.processes, asked.workers)
        outcome = await play_round(wanted, home, console.say)
        outcomes.append(outcome)
        console.say_all(report_lines(outcome.verdict))
        console.print(f"Result: {save(outcome, home)}", soft_wrap=True)
    console.print(faults_table(outcomes))
    console.print(rounds_table(outcomes))
    causes = [f"seed {each.asked.seed} is not sound: {cause}" for each in outcomes for cause in unsound_because(each)]
    console.say_all(causes)
    return not causes


async def _stand(asked: argparse.Namespace, console: Terminal) -> bool:
    home = _home()
    stood: list[Stood] = []
    for outage in _outages(asked):
        day = outage.day(asked.workers, asked.processes)
        one = await stand(outage, day, home, console.say)
        stood.append(one)
        console.say_all([*timeline(one), *report_lines(one.verdict)])
        kept = home / f"{outage.name}.json"
        write_private(kept, json.dumps(one.to_json(), ensure_ascii=False, indent=2) + "\n")
    console.print(outages_table(stood), soft_wrap=True)
    return all(one.is_sound for one in stood)


def _outages(asked: argparse.Namespace) -> list[Outage]:
    parts = list(Part) if asked.outage == _ALL else [Part(asked.outage)]
    moments = list(Moment) if asked.during == _ALL else [Moment(asked.during)]
    return [Outage(part, moment, asked.seconds) for part in parts for moment in moments]


def _home() -> Path:
    return private_folder(Path.cwd() / ".haru" / "chaos")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.chaos", description="Break whole days, and count what breaks."
    )
    parser.add_argument("--seed", type=int, default=1, help="the first round's seed (default 1)")
    parser.add_argument("--rounds", type=int, default=1, help="how many seeds in a row (default 1)")
    parser.add_argument("--minutes", type=float, default=1.6, help="real length of a session (default 1.6)")
    parser.add_argument("--processes", type=int, default=2, help="hosting processes (default 2)")
    parser.add_argument("--workers", type=int, default=6, help="trading workers (default 6)")
    parser.add_argument("--outage", choices=[*Part, _ALL], help="instead: a part is away during an order")
    parser.add_argument("--during", choices=[*Moment, _ALL], default=_ALL, help="which order it strikes (default all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="real length of an outage (default 60)")
    parser.add_argument("--list", action="store_true", help="show the schedules without playing them")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the rounds and return the exit code."""
    asked = _parser().parse_args(arguments)
    close_to_others()
    console = stdout_console()
    if asked.list:
        for seed in range(asked.seed, asked.seed + asked.rounds):
            wanted = Asked(seed, asked.minutes, asked.processes, asked.workers)
            console.print(schedule_table(schedule(seed, wanted.troubled, wanted.processes)))
        return 0
    # The adversary itself disconnects the pools all the time.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    try:
        sound = asyncio.run(_stand(asked, console) if asked.outage else _play(asked, console))
    except (HostFailedError, NoOrderError, httpx.HTTPError, *EXPECTED_ERRORS) as error:
        say_error("chaos", error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if sound else 1


if __name__ == "__main__":
    guard_standard_error()
    leave(main())
