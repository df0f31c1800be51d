"""``starter.py replay``: replay the open runs, to see whether they would go on under this build."""

import argparse
import time
from datetime import timedelta

from cli.desk import stdout_console
from cli.plain_answers import answer
from cli.tables.terminal import Terminal
from fleet.replaying import ReplayReport, replay_open_histories
from runtime.argument_lists import ArgumentLists
from runtime.opening import open_fleet
from runtime.settings import load_settings
from runtime.temporal_connection import ring_of
from security.sealing.guard import Guard
from security.sealing.refusals import Refusals


async def replay(asked: argparse.Namespace) -> int:
    """Replay the open runs, and the closed ones of some hours; return 1 if one fails or cannot be read."""
    settings, began = load_settings(), time.monotonic()
    async with open_fleet(settings) as fleet:
        interceptors = [ArgumentLists(), Guard(ring_of(settings), Refusals())]
        report = await replay_open_histories(fleet, interceptors, timedelta(hours=asked.closed))
    seconds = time.monotonic() - began
    if asked.json:
        answer(asked, replay_json(report, seconds), "")
    else:
        print_replay(stdout_console(), report, seconds)
    return 0 if report.has_passed else 1


def replay_json(report: ReplayReport, seconds: float) -> dict[str, object]:
    """Return a report as plain values; seconds are real time."""
    return {
        "passed": report.has_passed,
        "runs": len(report.runs),
        "seconds": round(seconds, 1),
        "types": {name: {"runs": runs, "failed": failed} for name, (runs, failed) in report.by_type().items()},
        "failed": [
            {"type": each.workflow_type, "workflow_id": each.workflow_id, "run_id": each.run_id, "cause": each.fault}
            for each in report.failed
        ],
        "unread": list(report.unread),
    }


def print_replay(console: Terminal, report: ReplayReport, seconds: float) -> None:
    """Print what was replayed, each failure, and what to do."""
    for name, (runs, failed) in report.by_type().items():
        console.say(f"{name}: {runs} runs, {failed} fail")
    for each in report.failed:
        console.say(f"{each.workflow_id} {each.run_id}: {each.fault}")
    for unread in report.unread:
        console.say(f"not read: {unread}")
    if report.has_passed:
        console.say(f"{len(report.runs)} runs replay on this build ({seconds:.1f} s)")
        return
    console.say("Do not start this build: keep the old one, guard the change by workflow.patched, and replay again.")
