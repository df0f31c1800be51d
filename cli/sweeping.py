"""The verb ``sweep``, and what it has in common with ``backtest``."""

import argparse
from pathlib import Path
from typing import Any, Final

from cli.asked_dates import session_date
from cli.grammar import add_alone, capital, count
from domain.money import Won
from reporting.sentences import LANGUAGES
from reporting.spoken import say

_CAPITAL: Final = Won(100_000_000)
_SEARCHES: Final = ("grid", "random", "optuna")
_TRIALS: Final = 200
_TRAIN: Final = 40
_TEST: Final = 10
_GAP: Final = 1
_CONFIRM: Final = 3


def add_sweep(verbs: Any) -> None:
    """Add ``sweep``."""
    trying = "try many parameters of a strategy on recorded days, and report those chosen by earlier days"
    verb = add_alone(verbs, "sweep", "sweep:sweep", trying, reads_only=True)
    verb.add_argument("strategy", metavar="STRATEGY", help=say("as `strategy list` lists it"))
    varied = "values to try of a parameter or rule: stop_loss=1%%..3%%..0.5%% or factor=0.4,0.5; repeatable"
    verb.add_argument("--vary", action="append", default=[], metavar="NAME=VALUES", help=say(varied))
    add_stretch(verb)
    verb.add_argument("--search", choices=_SEARCHES, default="grid", help=say("default grid: all combinations"))
    many = "how many combinations a search tries; Optuna in each window (default 200)"
    verb.add_argument("--trials", type=_at_least(1), default=_TRIALS, metavar="N", help=say(many))
    verb.add_argument("--seed", type=int, default=0, metavar="N", help=say("the seed of a search (default 0)"))
    choosing = "sessions that choose in each walk-forward window (default 40)"
    verb.add_argument("--train", type=_at_least(2), default=_TRAIN, metavar="N", help=say(choosing))
    reporting = "sessions that report what was chosen (default 10)"
    verb.add_argument("--test", type=_at_least(1), default=_TEST, metavar="N", help=say(reporting))
    between = "sessions left out between both (default 1)"
    verb.add_argument("--gap", type=_at_least(0), default=_GAP, metavar="N", help=say(between))
    single = "each signal alone, exits as data: thousands of exits at once; the strategy's own exits are not asked"
    verb.add_argument("--alone", action="store_true", help=say(single))
    confirming = "play the best N as a backtest too, and print where both differ (default 3)"
    verb.add_argument("--confirm", type=_at_least(0), default=_CONFIRM, metavar="N", help=say(confirming))
    verb.add_argument("--resume", action="store_true", help=say("keep the finished days of an interrupted run"))


def add_stretch(verb: argparse.ArgumentParser) -> None:
    """Add what a backtest and a sweep play, and on what."""
    verb.add_argument(
        "--from", dest="first", type=session_date, required=True, metavar="DATE", help=say("first session")
    )
    verb.add_argument("--to", dest="last", type=session_date, required=True, metavar="DATE", help=say("last session"))
    universe = verb.add_mutually_exclusive_group()
    only = "only these stocks, on the days on which they have bars"
    universe.add_argument("--symbols", metavar="A,B", help=say(only))
    universe.add_argument("--universe", type=Path, metavar="FILE", help=say("CSV with the columns date and symbol"))
    verb.add_argument(
        "--set", dest="rules", action="append", default=[], metavar="RULE=VALUE", help=say("change a rule")
    )
    verb.add_argument("--workers", type=count, default=1, metavar="N", help=say("trading workers (default 1)"))
    cash = "cash at the start of each day (default 100,000,000)"
    verb.add_argument("--capital", type=capital, default=_CAPITAL, metavar="WON", help=say(cash))
    verb.add_argument("--processes", type=int, metavar="N", help=say("default: one for each processor"))
    stored = "store of recorded bars, default in the data folder"
    verb.add_argument("--bars", type=Path, metavar="FOLDER", help=say(stored))
    verb.add_argument(
        "--lang", choices=LANGUAGES, help=say("the page's language (default HARU_REPORT__LANGUAGE, else en)")
    )


def _at_least(least: int) -> Any:
    """Return a reader of whole numbers."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"name a whole number of {least} or more")
        return number

    return read
