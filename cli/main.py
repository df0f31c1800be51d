"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from cli.asked_dates import add_dates, session_date
from cli.command_answers import report_outcomes
from cli.desk import Desk, Verb, stdout_console
from cli.live_changes import refuse_dangerous_start
from cli.tables.board import as_json, read_board, rendered
from cli.tables.host_limits import host_limits_json, host_warnings, read_host_limits
from cli.tables.limits import limit_lines, limits_json, read_limits
from cli.tables.watching import print_plainly, watch
from cli.verbs import audit as audit_verb
from cli.verbs import channels as channel_verbs
from cli.verbs import figures as figure_verbs
from cli.verbs import kill_switch, report
from cli.verbs import orders as order_verbs
from cli.verbs import rules as rule_verbs
from cli.verbs import statement as after_close
from cli.verbs.backtest import add_backtest_arguments
from cli.verbs.setting_up import add_setup_verbs
from domain.audit_log import Outcome
from fleet import commands
from fleet.alerting.channels import channels_of
from fleet.fleet import ALL_WORKERS
from fleet.schedule import close_now, schedule_close
from fleet.starting import MOST_WORKERS, start_workers
from runtime.auditing import Audit
from runtime.broker_settings import LIVE_WORD
from runtime.env_file import describe_env_file
from runtime.opening import EXPECTED_ERRORS, open_fleet
from runtime.settings import load_settings
from runtime.telemetry import say_error
from runtime.temporal_connection import refuse_open_temporal
from security.private_files import close_to_others

_WIDE: Final = 160


async def _start(desk: Desk) -> int:
    fleet, rules = desk.fleet, desk.rules
    if not desk.asked.json:
        desk.console.say(describe_env_file())
    refuse_dangerous_start(fleet, desk.asked.live)
    refuse_open_temporal(load_settings())
    names = await start_workers(fleet, desk.asked.workers, rules)
    await schedule_close(fleet, rules, fleet.market_now())
    started = {"environment": fleet.environment.value, "account": fleet.account_id, "workers": names}
    desk.answer(
        {**started, "web_ui": fleet.web_ui},
        lambda: desk.console.print(
            f"{fleet.environment.upper()} account {fleet.account_id}: {len(names)} workers run, the close is scheduled."
        ),
    )
    await desk.conclude(Outcome.ACCEPTED, "")
    if not desk.asked.detach and not desk.asked.json:
        await _watch_until_interrupted(desk)
    return 0


async def _watch_until_interrupted(desk: Desk) -> None:
    try:
        await watch(desk.console, lambda: read_board(desk.fleet, desk.fleet.market_now()), lambda: False)
    except asyncio.CancelledError:
        desk.console.print("The workers go on by themselves; `python starter.py stop` ends them.")


async def _status(desk: Desk) -> int:
    board = await read_board(desk.fleet, desk.fleet.market_now())
    limits, hosts = await read_limits(desk.fleet, board, desk.rules.risk), await read_host_limits(desk.fleet)
    warnings = [f"WARNING {each}" for each in host_warnings(hosts, desk.rules, desk.fleet.environment)]

    def show() -> None:
        if desk.console.is_terminal:
            desk.console.print(rendered(board))
        else:
            print_plainly(desk.console, board)
        for line in [*limit_lines(limits), *warnings]:
            desk.console.say(line)

    desk.answer({**as_json(board), "limits": limits_json(limits) | host_limits_json(hosts)}, show)
    return 0


def _commanding(command: Callable[[argparse.Namespace], commands.Command]) -> Verb:
    async def act(desk: Desk) -> int:
        workers = await desk.fleet.selected(desk.asked.worker)
        outcomes = await commands.tell(desk.fleet, workers, command(desk.asked))
        return await report_outcomes(desk, outcomes, forgiving=desk.asked.worker == ALL_WORKERS)

    return act


async def _alert_channels(desk: Desk) -> int:
    urls = [url.get_secret_value() for url in load_settings().alerts.urls]
    return await channel_verbs.list_channels(desk, {channel.key: channel.name for channel in channels_of(urls)})


async def _close(desk: Desk) -> int:
    handle = await close_now(desk.fleet, desk.rules)
    desk.answer(
        {"workflow_id": handle.id, "run_id": handle.result_run_id, "web_ui": desk.fleet.web_ui},
        lambda: desk.console.print(f"Closing now: workflow {handle.id}. It ends with the session."),
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="starter.py", description="Start, watch and command the trading workers.")
    parser.add_argument("--workers", type=_count, metavar="N", help="start workers 1 to N and the close schedule")
    parser.add_argument("--detach", action="store_true", help="return at once instead of showing the live table")
    parser.add_argument("--live", metavar="WORD", help=f"confirm real money: {LIVE_WORD}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(act=_start, without_fleet=None, reads_only=False, lazy=False)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    _add(verbs, "status", _status, "show the table once", reads_only=True)
    for name, command, what in _COMMANDS:
        _add_worker(_add(verbs, name, _commanding(partial(_always, command)), what))
    _add_rules_verb(verbs)
    switch = _add(verbs, "kill-switch", kill_switch.turn, "stop all buying at once and sell everything")
    switch.set_defaults(lazy=True)  # the ledger shuts the gate even without Temporal
    switch.add_argument("position", choices=("on", "off"))
    switch.add_argument("--reason", default="", help="kept in the books")
    _add_channel_verbs(verbs)
    _add(verbs, "close", _close, "start the market close now")
    _add_order_verbs(verbs)
    add_setup_verbs(verbs)
    _add_looking_back(verbs)
    return parser


def _add_looking_back(verbs: Any) -> None:
    whole = "sum up a session, or a stretch of them"
    add_dates(_add(verbs, "summary", figure_verbs.summary, whole, reads_only=True), "today")
    page = _add(verbs, "report", None, "write a page to look at; needs only the database", reads_only=True)
    page.set_defaults(without_fleet=report.report)
    report.add_report_arguments(page)
    recorded = "test a strategy on recorded days, through the code that trades"
    add_backtest_arguments(_add(verbs, "backtest", None, recorded, reads_only=True))
    log = _add(verbs, "audit", None, "list every command and check their log; needs only the database", reads_only=True)
    log.set_defaults(without_fleet=audit_verb.audit)
    add_dates(log, "all")
    compares = "compare the broker's own profit and loss of a session with ours"
    listed = _add(verbs, "trades", figure_verbs.trades, "list a session's trades", reads_only=True)
    for verb in (listed, _add(verbs, "statement", after_close.statement, compares)):
        verb.add_argument("date", nargs="?", type=session_date, metavar="DATE", help="YYYY-MM-DD, default today")


def _add_rules_verb(verbs: Any) -> None:
    rules = _add(
        verbs, "rules", rule_verbs.rules, "change rules; without changes, show those in force and their sources"
    )
    _add_worker(rules)
    rules.add_argument("changes", nargs="*", type=_change, metavar="NAME=VALUE", help="such as exits.stop_loss=2%%")
    rules.add_argument("--yes", action="store_true", help="confirm that the stop is switched off")


def _add_channel_verbs(verbs: Any) -> None:
    listing = "list the channels for alerts, or remove one"
    channels = _add(verbs, "alert-channels", _alert_channels, listing, reads_only=True)
    removing = channels.add_subparsers(metavar="[remove]")
    removed = _add(removing, "remove", channel_verbs.remove_channel, "remove a channel and what it has not got")
    removed.add_argument("channel", metavar="DIGEST", help="as `alert-channels` lists it")


def _add_order_verbs(verbs: Any) -> None:
    compare = _add(verbs, "reconcile", order_verbs.reconcile, "compare the broker's books with ours")
    compare.add_argument("--apply", action="store_true", help="book missing fills and write differences down")
    listing = "list another program's orders, or accept them"
    theirs = _add(verbs, "foreign-orders", order_verbs.foreign_orders, listing, reads_only=True)
    accept = _add(theirs.add_subparsers(metavar="[accept]"), "accept", order_verbs.accept_orders, "buy beside them")
    accept.add_argument("number", metavar="ORDER_NUMBER|all", help="as `foreign-orders` lists it")
    accept.add_argument("--reason", required=True, help="what sent them; kept in the books")
    _add(verbs, "quarantine", order_verbs.quarantine, "list the orders that wait for a person", reads_only=True)
    adopt = _add(verbs, "adopt", order_verbs.adopt, "a quarantined order is this one at the broker")
    dismiss = _add(verbs, "dismiss", order_verbs.dismiss, "a quarantined order was never placed")
    for verb in (adopt, dismiss):
        verb.add_argument("intent", metavar="INTENT", help="as `quarantine` lists it")
        verb.add_argument("--reason", required=True, help="how you know; kept in the books")
    adopt.add_argument("number", metavar="ORDER_NUMBER", help="the broker's order number")
    adopt.add_argument("branch", metavar="BRANCH", help="the branch that numbered it (ord_gno_brno)")
    adopt.add_argument("--unchecked", action="store_true", help="without asking the broker whether it lists that order")


_COMMANDS: Final = (
    ("pause", commands.PAUSE, "no new entries"),
    ("resume", commands.RESUME, "enter again"),
    ("liquidate", commands.liquidate(), "sell what is held now, then pause"),
    ("stop", commands.STOP, "sell what is held, then end"),
)


def _always(command: commands.Command, _: argparse.Namespace) -> commands.Command:
    return command


def _add(verbs: Any, name: str, act: Verb | None, what: str, *, reads_only: bool = False) -> argparse.ArgumentParser:
    """Add a verb. Each verb becomes a row of the audit log, except those that only read."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what, description=what)
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    verb.set_defaults(act=act, reads_only=reads_only)
    return verb


def _add_worker(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("worker", nargs="?", default=ALL_WORKERS, metavar="WORKER|all", help="default all")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"choose 1 to {MOST_WORKERS} workers")
    return number


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


async def _run(asked: argparse.Namespace, words: Sequence[str]) -> int:
    if asked.reads_only or getattr(asked, "apply", True) is False or getattr(asked, "changes", None) == []:
        return await _act(asked, None)
    starts = asked.act is _start and asked.without_fleet is None
    audit = Audit("starter.py", ["start", *words] if starts else words)
    return await audit.around(lambda: _act(asked, audit))


async def _act(asked: argparse.Namespace, audit: Audit | None) -> int:
    if asked.without_fleet is not None:
        alone: int = await asked.without_fleet(asked)
        return alone
    settings = load_settings()
    async with open_fleet(settings, without_books=kill_switch.presses(asked), lazy=asked.lazy) as fleet:
        desk = Desk(fleet, settings.rules, asked, stdout_console())
        if audit is None:
            done: int = await asked.act(desk)
            return done
        desk = replace(desk, fleet=replace(fleet, command_id=audit.command_id), conclude=audit.conclude)
        return await audit.around(lambda: asked.act(desk), fleet)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 on success, 1 when refused or failed. Wrong usage exits with 2."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    asked = parser.parse_args(words)
    if not words:
        parser.print_help()
        return 2
    if asked.act is _start and asked.without_fleet is None and asked.workers is None:
        parser.error("add --workers N to start workers, or name a verb")
    close_to_others()
    try:
        return asyncio.run(_run(asked, words))
    except EXPECTED_ERRORS as error:
        say_error("starter.py", error, as_json=asked.json)
        return 1
    except KeyboardInterrupt:
        return 130
