"""The command line of ``starter.py``: every verb with its arguments."""

import argparse
from pathlib import Path
from typing import Any, Final

from cli.asked_dates import add_dates, session_date
from cli.grammar import add_alone, add_verb, capital, count, hours
from cli.releasing import add_release_verbs
from cli.research import add_research_verbs
from domain.alert import LEVELS
from domain.identity import ALL_WORKERS, LIVE_WORD, Environment
from reporting.sentences import LANGUAGES
from reporting.spoken import say
from runtime.language import Parser

START: Final = "cli.verbs.start:start"
KEYS_FILE: Final = Path("~/KIS/config/kis_devlp.yaml")
"""Where KIS's own samples keep their settings."""
_COMMANDS: Final = (
    ("pause", "no new entries"),
    ("resume", "enter again"),
    ("liquidate", "sell what is held now, then pause"),
    ("stop", "sell what is held, then end"),
)
_TRADED: Final = (Environment.PAPER, Environment.LIVE)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``starter.py``."""
    whole = Parser(prog="starter.py", description=say("Start, watch and command the trading workers."))
    whole.add_argument("--workers", type=count, metavar="N", help=say("start workers 1 to N and the close schedule"))
    whole.add_argument("--detach", action="store_true", help=say("return at once instead of showing the live table"))
    whole.add_argument("--live", metavar="WORD", help=f"{say('confirm real money')}: {LIVE_WORD}")
    whole.add_argument("--json", action="store_true", help=say("print JSON"))
    whole.set_defaults(act=START, with_fleet=True, reads_only=False, lazy=False)
    verbs = whole.add_subparsers(title=say("verbs"), metavar="VERB")
    add_verb(verbs, "status", "status:status", "show the table once", reads_only=True)
    for name, what in _COMMANDS:
        command = add_verb(verbs, name, "commanding:command", what)
        command.set_defaults(command=name)
        _add_worker(command)
    _add_rules_verb(verbs)
    switch = add_verb(verbs, "kill-switch", "kill_switch:turn", "stop all buying at once and sell everything")
    switch.set_defaults(lazy=True)  # the ledger shuts the gate even without Temporal
    switch.add_argument("position", choices=("on", "off"))
    switch.add_argument("--reason", default="", help=say("kept in the books"))
    _add_channel_verbs(verbs)
    add_verb(verbs, "close", "commanding:close", "start the market close now")
    for add in _MORE_VERBS:
        add(verbs)
    return whole


def _add_looking_back(verbs: Any) -> None:
    whole = "sum up a session, or a stretch of them"
    add_dates(add_verb(verbs, "summary", "figures:summary", whole, reads_only=True), "today")
    page = add_alone(
        verbs, "report", "report:report", "write a page to look at; needs only the database", reads_only=True
    )
    add_dates(page, "the latest session in the books")
    page.add_argument("--open", action="store_true", help=say("show the page in a browser"))
    page.add_argument(
        "--lang", choices=LANGUAGES, help=say("the page's language (default HARU_REPORT__LANGUAGE, else en)")
    )
    page.add_argument(
        "--out", type=Path, metavar="FOLDER", help=say("where to write (default the data folder's reports/)")
    )
    again = "write the page of this backtest again, or with DATE that of one of its sessions"
    page.add_argument("--backtest", metavar="ID", help=say(again))
    page.add_argument(
        "--bars", type=Path, metavar="FOLDER", help=say("the backtest's bars, default in the data folder")
    )
    page.add_argument("--index", action="store_true", help=say("write only the list of all reports"))
    page.add_argument("--capital", type=capital, metavar="WON", help=say("the base of percentages and ratios"))
    sums = "the result of a week or a month; needs only the database"
    digest = add_alone(verbs, "digest", "digest:digest", sums, reads_only=True)
    digest.add_argument("span", nargs="?", choices=("week", "month"), default="week", help=say("default week"))
    of_which = "a date in it, default the latest session in the books"
    digest.add_argument("date", nargs="?", type=session_date, metavar="DATE", help=say(of_which))
    recorded = "list every command and check their log; needs only the database"
    add_dates(add_alone(verbs, "audit", "audit:audit", recorded, reads_only=True), "all")
    compares = "compare the broker's own profit and loss of a session with ours"
    listed = add_verb(verbs, "trades", "figures:trades", "list a session's trades", reads_only=True)
    for verb in (listed, add_verb(verbs, "statement", "statement:statement", compares)):
        verb.add_argument("date", nargs="?", type=session_date, metavar="DATE", help=say("YYYY-MM-DD, default today"))


def _add_rules_verb(verbs: Any) -> None:
    what = "change rules; without changes, show those in force and their sources"
    rules = add_verb(verbs, "rules", "rules:rules", what)
    _add_worker(rules)
    rules.add_argument(
        "changes", nargs="*", type=_change, metavar="NAME=VALUE", help=say("such as exits.stop_loss=2%%")
    )
    rules.add_argument("--yes", action="store_true", help=say("confirm that the stop is switched off"))


def _add_channel_verbs(verbs: Any) -> None:
    listing = "list the channels for alerts, or remove one"
    channels = add_verb(verbs, "alert-channels", "channels:alert_channels", listing, reads_only=True)
    removing = channels.add_subparsers(metavar="[remove]")
    removed = add_verb(removing, "remove", "channels:remove_channel", "remove a channel and what it has not got")
    removed.add_argument("channel", metavar="DIGEST", help=say("as `alert-channels` lists it"))


def _add_order_verbs(verbs: Any) -> None:
    compare = add_verb(verbs, "reconcile", "orders:reconcile", "compare the broker's books with ours")
    compare.add_argument("--apply", action="store_true", help=say("book missing fills and write differences down"))
    listing = "list another program's orders, or accept them"
    theirs = add_verb(verbs, "foreign-orders", "orders:foreign_orders", listing, reads_only=True)
    accept = add_verb(theirs.add_subparsers(metavar="[accept]"), "accept", "orders:accept_orders", "buy beside them")
    accept.add_argument("number", metavar="ORDER_NUMBER|all", help=say("as `foreign-orders` lists it"))
    accept.add_argument("--reason", required=True, help=say("what sent them; kept in the books"))
    add_verb(verbs, "quarantine", "orders:quarantine", "list the orders that wait for a person", reads_only=True)
    adopt = add_verb(verbs, "adopt", "orders:adopt", "a quarantined order is this one at the broker")
    dismiss = add_verb(verbs, "dismiss", "orders:dismiss", "a quarantined order was never placed")
    for verb in (adopt, dismiss):
        verb.add_argument("intent", metavar="INTENT", help=say("as `quarantine` lists it"))
        verb.add_argument("--reason", required=True, help=say("how you know; kept in the books"))
    adopt.add_argument("number", metavar="ORDER_NUMBER", help=say("the broker's order number"))
    adopt.add_argument("branch", metavar="BRANCH", help=say("the branch that numbered it (ord_gno_brno)"))
    adopt.add_argument(
        "--unchecked", action="store_true", help=say("without asking the broker whether it lists that order")
    )


def _add_page_and_replay(verbs: Any) -> None:
    page = add_alone(
        verbs, "web", "web:web", "show and command the fleet in a browser of this machine", reads_only=True
    )
    page.add_argument("--port", type=int, help=say("loopback port, default any free one"))
    page.add_argument("--read-only", action="store_true", help=say("the page only shows; it has no commands"))
    sets = "set the page's password and second factor, for browsers of other machines and for real money"
    password = add_alone(verbs, "web-password", "web:web_password", sets)
    password.add_argument("--read-only", action="store_true", help=say("of the role that only sees"))
    password.add_argument("--remove", action="store_true", help=say("remove it; the role's sessions end"))
    replays = "replay the open runs on this build: would it go on where the running one is?"
    replayed = add_alone(verbs, "replay", "replay:replay", replays, reads_only=True)
    recent = "also runs that have ended in so many hours (default 0)"
    replayed.add_argument("--closed", type=hours, default=0.0, metavar="HOURS", help=say(recent))


def _add_unproven_verbs(verbs: Any) -> None:
    listing = "list strategies in use without a passing verdict, confirm one for real money, or withdraw that"
    unproven = add_verb(verbs, "unproven", "unproven:list_unproven", listing, reads_only=True)
    actions = unproven.add_subparsers(metavar="[accept|withdraw]")
    accepts = "let real money buy by a strategy's present code without a passing verdict"
    accept = add_verb(actions, "accept", "unproven:accept_unproven", accepts)
    withdraw = add_verb(actions, "withdraw", "unproven:withdraw_unproven", "take a confirmation back")
    for verb in (accept, withdraw):
        verb.add_argument("name", metavar="STRATEGY", help=say("as `strategy list` lists it"))
        verb.add_argument("--reason", required=True, help=say("kept in the books"))
    accept.add_argument("--live", metavar="WORD", help=f"{say('confirm real money')}: {LIVE_WORD}")


def _add_setup_verbs(verbs: Any) -> None:
    """Add the verbs that need no running fleet."""
    checks = "look at everything that trading needs; no order is sent"
    add_alone(verbs, "doctor", "setting_up:examine_all", checks, reads_only=True)
    keys = add_alone(
        verbs, "import-keys", "setting_up:import_kis_keys", "copy the keys of KIS's own sample settings into .env"
    )
    keys.add_argument("file", nargs="?", type=Path, default=KEYS_FILE, help=say(f"default {KEYS_FILE}"))
    keys.add_argument(
        "--environment", type=Environment, choices=_TRADED, default=Environment.PAPER, help=say("default paper")
    )
    keys.add_argument("--replace", action="store_true", help=say("overwrite what .env says otherwise"))
    trial = add_alone(
        verbs, "alert-test", "setting_up:try_channels", "send a test to each channel of alerts", reads_only=True
    )
    trial.add_argument(
        "--level", choices=[level.value for level in LEVELS], default="warning", help=say("default warning")
    )
    moves = "move the embedded database to this version of PostgreSQL"
    moved = add_alone(verbs, "upgrade-database", "setting_up:upgrade", moves)
    moved.add_argument("--binaries", type=Path, help=say("folder of the old version's programs, where Haru has none"))
    migrates = "bring a configured database up to this version, with its owner's role"
    add_alone(verbs, "migrate", "setting_up:migrate", migrates)
    makes = "print keys for a shared database and Temporal server: put them into .env"
    add_alone(verbs, "new-key", "new_key:make_keys", makes, reads_only=True)
    serves = "let the Web UI of this machine show what is encrypted"
    shown = add_alone(verbs, "codec-server", "codec_server:show_payloads", serves, reads_only=True)
    shown.add_argument("--port", type=int, default=0, help=say("loopback port, default any free one"))
    shown.add_argument(
        "--container", action="store_true", help=say("listen beyond loopback, for a port that docker publishes")
    )
    shown.add_argument("--ui", type=int, metavar="PORT", help=say("the Web UI's port, default HARU_PORTS__TEMPORAL_UI"))
    gives_up = "give up lost or stolen HARU_PAYLOADS__KEYS; set others before"
    add_alone(verbs, "forget-keys", "setting_up:forget_keys", gives_up)


def _add_backup_verbs(verbs: Any) -> None:
    copies = "write the books into one file while the fleet trades"
    copied = add_alone(verbs, "backup", "backup:write", copies, reads_only=True)
    copied.add_argument(
        "target", nargs="?", type=Path, metavar="FILE|FOLDER", help=say("default the data folder's backups/")
    )
    brings = "restore a backup into an empty data folder or database"
    brought = add_alone(verbs, "restore", "backup:read", brings)
    brought.add_argument("file", type=Path, metavar="FILE", help=say("as `backup` wrote it"))


def _add_worker(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("worker", nargs="?", default=ALL_WORKERS, metavar="WORKER|all", help=say("default all"))


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


_MORE_VERBS: Final = (
    *(_add_page_and_replay, _add_order_verbs, _add_setup_verbs, _add_backup_verbs, _add_unproven_verbs),
    *(add_release_verbs, add_research_verbs, _add_looking_back),
)
