"""``python -m tools.rollout``: exit code 0 if no trade, no task and no second was lost, 1 otherwise."""

import argparse
import asyncio
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from cli.desk import stdout_console
from cli.tables.terminal import Terminal
from domain.lock import LEASE_DURATION
from runtime.opening import EXPECTED_ERRORS
from runtime.standard_error import guard_standard_error, leave, say_error
from security.private_files import close_to_others, private_folder
from tools.bench.stack import NothingHappenedError
from tools.chaos.processes import HostFailedError
from tools.rollout.played import Played, roll, roll_to_stuck_builds
from tools.rollout.report import phases, result_json, table, violations
from tools.rollout.stage import VerbFailedError, staged
from tools.rollout.trees import DEAD, INCOMPATIBLE, STUCK, UnfitChangeError, copy_tree
from tools.rollout.watched import HAND_OVER
from verifier.report import report_lines

NAMES: Final = ("back", "stuck")
_FEWEST: Final = 4
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rollouts to play, and with how many positions."""

    names: Sequence[str]
    positions: int


async def play(asked: Asked, home: Path, log: Callable[[str], None]) -> list[Played]:
    """Play the rollouts one after the other, each from an empty folder."""
    trees = home / "trees"
    shutil.rmtree(trees, ignore_errors=True)
    old = copy_tree("old", trees)
    played = []
    if "back" in asked.names:
        new = copy_tree("new", trees, INCOMPATIBLE, migrates=True)
        async with staged(home / "stack", asked.positions, log) as stage:
            played.append(await roll(stage, old, new))
    if "stuck" in asked.names:
        stuck = copy_tree("stuck", trees, STUCK)
        async with staged(home / "stack", asked.positions, log) as stage:
            played.append(await roll_to_stuck_builds(stage, old, stuck, copy_tree("dead", trees, DEAD)))
    return played


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.rollout", description="Roll a release while shares are held."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default all): {', '.join(NAMES)}")
    parser.add_argument("--positions", type=int, default=50, help=f"{_FEWEST} to {_MOST} (default 50)")
    parser.add_argument(
        "--busy", action="store_true", help="a hand-over may take as long as a lease lives: for a busy machine"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the rollouts, print the result, and return the exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"no such rollout: {', '.join(unknown)}; choose among {', '.join(NAMES)}")
    if not _FEWEST <= asked.positions <= _MOST:
        parser.error(f"--positions {asked.positions}: choose {_FEWEST} to {_MOST}")
    close_to_others()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console = stdout_console()
    home = private_folder(Path.cwd() / ".haru" / "rollout")
    try:
        log = _silent if asked.json else console.say
        played = asyncio.run(play(Asked(asked.names or NAMES, asked.positions), home, log))
    except (
        *(HostFailedError, NothingHappenedError, VerbFailedError, UnfitChangeError, httpx.HTTPError),
        *EXPECTED_ERRORS,
    ) as error:
        say_error("rollout", error)
        return 1
    except KeyboardInterrupt:
        return 130
    return _report(console, played, LEASE_DURATION.total_seconds() if asked.busy else HAND_OVER, as_json=asked.json)


def _silent(_: str) -> None:
    """Print nothing: the output is JSON."""


def _report(console: Terminal, played: Sequence[Played], hand_over: float, *, as_json: bool) -> int:
    causes = [f"{each.name}: {cause}" for each in played for cause in violations(each, hand_over)]
    if as_json:
        console.print_json(json.dumps([result_json(each, hand_over) for each in played]))
        return 1 if causes else 0
    for each in played:
        console.say_all(report_lines(each.verdict))
        console.say_all(phases(each))
    console.print(table(played), soft_wrap=True)
    console.say_all(causes)
    return 1 if causes else 0


if __name__ == "__main__":
    guard_standard_error()
    leave(main())
