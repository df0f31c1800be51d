"""The verbs of a rolled release."""

import argparse
from typing import Any

from cli.grammar import add_verb
from reporting.spoken import say


def add_release_verbs(verbs: Any) -> None:
    """Add ``release`` and what changes the fleet's builds."""
    listing = "list the builds of the fleet, their hosts and what runs on each, or change the current one"
    release = add_verb(verbs, "release", "release:show", listing, reads_only=True)
    actions = release.add_subparsers(metavar="[current|ramp|drain|rollback]")
    current = add_verb(actions, "current", "release:set_current", "let new trades begin on a build")
    ramp = add_verb(actions, "ramp", "release:ramp", "let a share of new trades begin on a build")
    drain = add_verb(actions, "drain", "release:drain", "wait until nothing runs on a build")
    for verb in (current, ramp, drain):
        verb.add_argument("build", metavar="BUILD", help=say("as `release` lists it"))
    ramp.add_argument("percent", type=_percent, metavar="PERCENT", help=say("0 ends the ramp"))
    back = add_verb(actions, "rollback", "release:roll_back", "make the build before the current one current again")
    back.add_argument(
        "--stuck", action="store_true", help=say("also continue the runs of the build that is left there, paused")
    )


def _percent(text: str) -> float:
    try:
        share = float(text.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise argparse.ArgumentTypeError("choose 0 to 100")
    return share
