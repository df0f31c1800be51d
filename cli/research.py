"""The verbs before trading: strategies of one's own, recorded bars and backtests. They need no running fleet."""

import argparse
from pathlib import Path
from typing import Any

from cli.asked_dates import session_date
from cli.grammar import add_alone
from cli.sweeping import add_stretch, add_sweep
from reporting.sentences import LANGUAGES
from reporting.spoken import say


def add_research_verbs(verbs: Any) -> None:
    """Add ``strategy``, ``bars``, ``backtest``, ``sweep``, ``verdict``, ``slippage`` and ``parity``."""
    _add_strategy(verbs)
    _add_bars(verbs)
    _add_backtest(verbs)
    add_sweep(verbs)
    _add_verdict(verbs)
    _add_parity(verbs)
    learns = "learn the slippage of fills from the books, and compare it with the fill model"
    learnt = add_alone(verbs, "slippage", "slippage:slippage", learns, reads_only=True)
    of_turnover = "bars for the turnover of the session before, default in the data folder"
    learnt.add_argument("--bars", type=Path, metavar="FOLDER", help=say(of_turnover))


def _add_strategy(verbs: Any) -> None:
    what = "write a strategy of your own, list all, or run one over a day"
    verb = add_alone(verbs, "strategy", "strategy:list_all", what, reads_only=True)
    forms = verb.add_subparsers(metavar="[new|list|check]")
    written = add_alone(forms, "new", "strategy:new", "write a working strategy and its test", reads_only=True)
    written.add_argument("name", metavar="NAME", help=say("such as opening_gap"))
    listing = "list strategies and filters, their parameters, and what was refused"
    add_alone(forms, "list", "strategy:list_all", listing, reads_only=True)
    running = "run a strategy over a day and print its signals"
    checked = add_alone(forms, "check", "strategy:check", running, reads_only=True)
    checked.add_argument("name", metavar="NAME", help=say("as `strategy list` lists it"))
    checked.add_argument("--day", type=Path, metavar="FILE", help=say("minute bars, default a simulated day"))
    checked.add_argument(
        "--date", type=session_date, metavar="DATE", help=say("YYYY-MM-DD, default the last of the file")
    )


def _add_bars(verbs: Any) -> None:
    what = "import, list, check and download recorded bars"
    bars = add_alone(verbs, "bars", "bars:list_bars", what, reads_only=True)
    actions = bars.add_subparsers(title=say("actions"), metavar="ACTION", required=True)
    taken = _add_action(actions, "import", "bars:import_bars", "import CSV and Parquet files of other tools")
    taken.add_argument("path", type=Path, metavar="FOLDER", help=say("a folder, with all below it, or a file"))
    mapped = "a column of the files and its meaning, where the guess is wrong; repeatable"
    taken.add_argument("--map", action="append", default=[], metavar="COLUMN=FIELD", help=say(mapped))
    taken.add_argument("--dry-run", action="store_true", help=say("show what would be imported, and write nothing"))
    taken.add_argument("--replace", action="store_true", help=say("overwrite stored bars that differ"))
    taken.add_argument("--strict", action="store_true", help=say("exit with 1 if any row or file is refused"))
    _add_action(actions, "list", "bars:list_bars", "show what is stored, and where it comes from")
    looks = "look for gaps, other price bases, wrong dates and a chosen universe"
    _add_action(actions, "check", "bars:check_bars", looks)
    loading = "download minute and daily bars from KIS; goes on after a stop"
    loaded = _add_action(actions, "download", "bars_download:download_bars", loading)
    loaded.add_argument("symbols", nargs="+", metavar="SYMBOL", help=say("such as 005930 0126Z0"))
    first = "the first session (YYYY-MM-DD); KIS keeps minutes for about a year"
    loaded.add_argument("--from", dest="first", type=session_date, required=True, metavar="DATE", help=say(first))
    last = "the last (default: the last complete)"
    loaded.add_argument("--to", dest="last", type=session_date, metavar="DATE", help=say(last))


def _add_action(actions: Any, name: str, act: str, what: str) -> argparse.ArgumentParser:
    action = add_alone(actions, name, act, what, reads_only=True)
    action.add_argument(
        "--store", type=Path, metavar="FOLDER", help=say("the bars' folder (default the data folder's bars/)")
    )
    return action


def _add_backtest(verbs: Any) -> None:
    recorded = "test a strategy on recorded days, through the code that trades"
    verb = add_alone(verbs, "backtest", "backtest:backtest", recorded, reads_only=True)
    named = "a strategy, or several separated by commas"
    verb.add_argument("--strategy", required=True, metavar="NAME", help=say(named))
    add_stretch(verb)
    fills = "slippage of the stated fill model, or as learnt from the books' fills (default stated)"
    verb.add_argument("--slippage", choices=("stated", "learnt"), default="stated", help=say(fills))
    verb.add_argument("--resume", action="store_true", help=say("keep the finished days of an interrupted run"))


def _add_verdict(verbs: Any) -> None:
    judges = "judge whether a backtest proves an edge: pass, not enough evidence, or no edge after costs"
    verb = add_alone(verbs, "verdict", "verdict:verdict", judges)
    verb.add_argument("name", metavar="STRATEGY", help=say("as `strategy list` lists it"))
    newest = "the backtest to judge, default the newest of this strategy's present code"
    verb.add_argument("--backtest", metavar="ID", help=say(newest))
    elsewhere = "variants that were tried outside Haru (default 0)"
    verb.add_argument("--trials", type=_number, default=0, metavar="N", help=say(elsewhere))
    stored = "the backtest's bars, default in the data folder"
    verb.add_argument("--bars", type=Path, metavar="FOLDER", help=say(stored))
    _add_page(verb)


def _add_parity(verbs: Any) -> None:
    replays = "replay a recorded day of trading, and name the cause of each difference"
    verb = add_alone(verbs, "parity", "parity:parity", replays, reads_only=True)
    verb.add_argument("date", type=session_date, metavar="DATE", help=say("the session (YYYY-MM-DD)"))
    others = "replay with other rules too, and show the difference of the day's result"
    verb.add_argument("--what-if", nargs="+", metavar="RULE=VALUE", help=say(others))
    cash = "opening cash in won, if the books have none of this day"
    verb.add_argument("--capital", type=_number, metavar="WON", help=say(cash))
    _add_page(verb)


def _add_page(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--lang", choices=LANGUAGES, help=say("the page's language (default HARU_REPORT__LANGUAGE, else en)")
    )
    verb.add_argument("--open", action="store_true", help=say("show the page in a browser"))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("name a whole number, 0 or more")
    return int(text)
