"""The operator's command line: ``python starter.py --workers 5`` starts a fleet, its verbs watch and command it."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Never

from temporalio.service import RPCError

import report
from broker_settings import LIVE_WORD
from composition import account_of, calendar_of, leads_of, place_of
from database.database import open_database
from database.errors import DATABASE_FAULTS
from domain.errors import TradingError
from domain.session import SessionDate
from embedded.errors import EmbeddedError
from embedded.finding import find_endpoints
from live_changes import refuse_dangerous_changes, refuse_dangerous_start
from operations import after_close, channel_verbs, commands, figures, order_verbs
from operations.alert_channels import channels_of
from operations.asked_dates import add_dates, session_date, stretch_of
from operations.board import as_json, read_board, rendered
from operations.desk import Desk, Verb, stdout_console
from operations.errors import NothingRunsError, OperationError
from operations.fleet import ALL_WORKERS, Fleet
from operations.limits import limit_lines, limits_json, read_limits
from operations.schedule import close_now, schedule_close
from operations.starting import MOST_WORKERS, start_workers
from operations.watching import print_plainly, watch
from reporting.after_close import after_close_values, read_after_close
from setting_up import add_setup_verbs
from settings import Settings, SettingsError, load_settings
from temporal_connection import TemporalAwayError, check_keys, connect_temporal, refuse_open_temporal

_POOL_SIZE: Final = 2
_WIDE: Final = 160
EXPECTED_ERRORS: Final = (SettingsError, EmbeddedError, OperationError, TradingError, RPCError, *DATABASE_FAULTS)
"""What is told in one line, without a traceback."""


@asynccontextmanager
async def open_fleet(settings: Settings) -> AsyncIterator[Fleet]:
    """Connect to what is configured, else to what ``worker.py`` runs here.

    Raises:
        NothingRunsError: neither is there.
    """
    endpoints = await find_endpoints(settings)
    if endpoints is None:
        raise NothingRunsError(f"nothing runs in {settings.data_dir}; {_START_FIRST}")
    place = place_of(settings, endpoints)
    try:
        client = await connect_temporal(settings, place)
    except TemporalAwayError as error:
        raise NothingRunsError(f"{error}, or {_START_FIRST}") from None
    try:
        database = await open_database(place.database_url, _POOL_SIZE)
    except DATABASE_FAULTS as error:
        raise NothingRunsError(f"no PostgreSQL answers ({error}); {_START_FIRST}") from None
    try:
        await check_keys(settings, database, account_of(settings))
        yield Fleet(
            client=client,
            database=database,
            account_id=account_of(settings),
            environment=settings.broker.environment,
            clock=place.clock,
            calendar=calendar_of(settings, place.clock),
            web_ui=place.temporal_ui_url,
            leads=leads_of(settings),
        )
    finally:
        await database.aclose()


_START_FIRST: Final = "start `python worker.py` first"


async def _start(desk: Desk) -> int:
    fleet, rules = desk.fleet, desk.rules
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
    if not desk.asked.detach and not desk.asked.json:
        await _watch_until_interrupted(desk)
    return 0


async def _watch_until_interrupted(desk: Desk) -> None:
    try:
        await watch(desk.console, lambda: read_board(desk.fleet, desk.fleet.market_now()), lambda: False)
    except asyncio.CancelledError:
        desk.console.print("The workers go on by themselves; `python starter.py stop` ends them.")


async def _change_rules(desk: Desk) -> int:
    changes = dict(desk.asked.changes)
    await refuse_dangerous_changes(desk.fleet, await desk.fleet.selected(desk.asked.worker), changes)
    return await _commanding(lambda _: commands.change_rules(changes))(desk)


async def _status(desk: Desk) -> int:
    board = await read_board(desk.fleet, desk.fleet.market_now())
    limits = await read_limits(desk.fleet, board, desk.rules.risk)

    def show() -> None:
        if desk.console.is_terminal:
            desk.console.print(rendered(board))
        else:
            print_plainly(desk.console, board)
        for line in limit_lines(limits):
            desk.console.print(line, markup=False, highlight=False, soft_wrap=True)

    desk.answer({**as_json(board), "limits": limits_json(limits)}, show)
    return 0


def _commanding(command: Callable[[argparse.Namespace], commands.Command]) -> Verb:
    async def act(desk: Desk) -> int:
        workers = await desk.fleet.selected(desk.asked.worker)
        outcomes = await commands.tell(desk.fleet, workers, command(desk.asked))
        return _report(desk, outcomes, forgiving=desk.asked.worker == ALL_WORKERS)

    return act


def _report(desk: Desk, outcomes: Sequence[commands.CommandOutcome], *, forgiving: bool) -> int:
    def show() -> None:
        for outcome in outcomes:
            desk.console.print(commands.in_words(outcome), markup=False, highlight=False, soft_wrap=True)

    desk.answer([commands.outcome_json(outcome) for outcome in outcomes], show)
    return 0 if commands.all_well(outcomes, forgiving=forgiving) else 1


async def _kill_switch(desk: Desk) -> int:
    return await (_press if desk.asked.position == "on" else _lift)(desk)


async def _press(desk: Desk) -> int:
    outcomes = await commands.press_kill_switch(desk.fleet, getpass.getuser(), desk.asked.reason)
    if not desk.asked.json:
        desk.console.print("Kill switch on: nothing more is bought.")
    code = _report(desk, outcomes, forgiving=True)
    return code if outcomes else 0


async def _lift(desk: Desk) -> int:
    by, now = getpass.getuser(), desk.fleet.market_now()
    await desk.fleet.database.risk.lift_kill_switch(desk.fleet.account_id, by, desk.asked.reason, now)
    desk.answer({"kill_switch_on": False}, lambda: desk.console.print("Kill switch off; workers stay paused."))
    return 0


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


async def _summary(desk: Desk) -> int:
    stretch = stretch_of(desk.asked)
    return await (_summary_of_a_day(desk) if stretch is None else _summary_of_days(desk, *stretch))


async def _summary_of_days(desk: Desk, first: SessionDate, last: SessionDate) -> int:
    days = await figures.read_days(desk.fleet, first, last)
    trades = await desk.fleet.database.trades.between(desk.fleet.account_id, first, last)
    desk.answer(
        [figures.summary_json(day) for day in days], lambda: desk.console.print(figures.days_table(days, trades))
    )
    return 0


async def _summary_of_a_day(desk: Desk) -> int:
    date = await desk.session_asked_for()
    summaries = await figures.read_summaries(desk.fleet, date)
    found = await read_after_close(desk.fleet.database, desk.fleet.account_id, date)
    fleet, *workers = [figures.summary_json(summary) for summary in summaries]

    def show() -> None:
        desk.console.print(figures.summaries_table(summaries))
        for line in after_close.after_close_lines(found):
            desk.console.print(line, markup=False, highlight=False, soft_wrap=True)

    desk.answer([fleet | {"after_the_close": after_close_values(found)}, *workers], show)
    return 0


async def _trades(desk: Desk) -> int:
    trades = await figures.read_trades(desk.fleet, await desk.session_asked_for())
    desk.answer(
        [figures.trade_json(trade) for trade in trades], lambda: desk.console.print(figures.trades_table(trades))
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="starter.py", description="Start, watch and command the trading workers.")
    parser.add_argument("--workers", type=_count, default=5, metavar="N", help="how many workers to run (default 5)")
    parser.add_argument("--detach", action="store_true", help="return at once instead of showing the live table")
    parser.add_argument("--live", metavar="WORD", help=f"confirm real money: {LIVE_WORD}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(act=_start, without_fleet=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    _add(verbs, "status", _status, "show the table once")
    for name, command, what in _COMMANDS:
        _add_worker(_add(verbs, name, _commanding(partial(_always, command)), what))
    _add_rules_verb(verbs)
    switch = _add(verbs, "kill-switch", _kill_switch, "stop all buying at once and sell everything")
    switch.add_argument("position", choices=("on", "off"))
    switch.add_argument("--reason", default="", help="kept in the books")
    _add_channel_verbs(verbs)
    _add(verbs, "close", _close, "start the market close now")
    _add_order_verbs(verbs)
    add_setup_verbs(verbs)
    add_dates(_add(verbs, "summary", _summary, "sum up a session, or a stretch of them"), "today")
    page = _add(verbs, "report", None, "write a page to look at; needs only the database")
    page.set_defaults(without_fleet=report.report)
    report.add_report_arguments(page)
    told = "compare the broker's own profit and loss of a session with ours, anew"
    for name, act, what in (("trades", _trades, "list a session's trades"), ("statement", after_close.statement, told)):
        verb = _add(verbs, name, act, what)
        verb.add_argument("date", nargs="?", type=session_date, metavar="DATE", help="YYYY-MM-DD, default today")
    return parser


def _add_rules_verb(verbs: Any) -> None:
    rules = _add(verbs, "rules", _change_rules, "change rules")
    rules.add_argument("worker", metavar="WORKER|all")
    rules.add_argument("changes", nargs="+", type=_change, metavar="NAME=VALUE", help="such as exits.stop_loss=2%%")


def _add_channel_verbs(verbs: Any) -> None:
    channels = _add(verbs, "alert-channels", _alert_channels, "list the channels for alerts, or remove one")
    removing = channels.add_subparsers(metavar="[remove]")
    removed = _add(removing, "remove", channel_verbs.remove_channel, "remove a channel and what it has not got")
    removed.add_argument("channel", metavar="DIGEST", help="as `alert-channels` lists it")


def _add_order_verbs(verbs: Any) -> None:
    compare = _add(verbs, "reconcile", order_verbs.reconcile, "compare the broker's books with ours")
    compare.add_argument("--apply", action="store_true", help="book missing fills and write differences down")
    _add(verbs, "quarantine", order_verbs.quarantine, "list the orders that wait for a person")
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


def _add(verbs: Any, name: str, act: Verb | None, what: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what, description=what)
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    verb.set_defaults(act=act)
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


async def _run(asked: argparse.Namespace) -> int:
    if asked.without_fleet is not None:
        alone: int = await asked.without_fleet(asked)
        return alone
    settings = load_settings()
    async with open_fleet(settings) as fleet:
        done: int = await asked.act(Desk(fleet, settings.rules, asked, stdout_console()))
        return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 0 when done, 1 when refused or failed. Wrong usage exits with 2."""
    asked = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(asked))
    except EXPECTED_ERRORS as error:
        sys.stderr.write(f"starter.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def leave(code: int) -> Never:
    """End the process at once: the interpreter's own exit can crash in Temporal's native threads (sdk-python #300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
