"""Command line: ``python -m simulator`` runs a KIS Open API server on this machine."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from simulator import argument_types
from simulator.access import read_access_list
from simulator.app import create_simulation
from simulator.callers import Callers, read_token
from simulator.clock import (
    ManualClock,
    MarketClock,
    clock_from_json,
    clock_from_text,
    kst_instant,
    market_instant,
    utc_now,
)
from simulator.journal import JournalError, Record, first_record
from simulator.krx.sessions import TradingCalendar, krx_calendar
from simulator.listing_options import add_listing_options, listed_beside
from simulator.listings import LISTINGS
from simulator.ports import PortTakenError, add_port_options, open_doors, served_hosts, tls_of
from simulator.private_files import close_to_others
from simulator.recorded import Recording
from simulator.server import serve
from simulator.settings import PAPER, REAL, SimulationSettings, StreamSettings
from simulator.simulation import SettingsMismatchError, Simulation
from simulator.tape import FIRST_DATE

_DEFAULT_SEED: Final = 7
_DEFAULT_CASH: Final = 100_000_000
_RATE_LIMITS: Final = {REAL: 18, PAPER: 1}
_YEARS_AHEAD: Final = 2
_FIRST_RECORDED_YEAR: Final = 2010
_ONE_SECOND: Final = timedelta(seconds=1)

_NO_LIMITS: Final = {"rate_limit": 0, "paper_rate_limit": 0, "token_interval": 0.0, "approval_interval": 0.0}
_BOTH_SERVICES: Final = {"stream_port": 21_000, "paper_port": 29_443, "paper_stream_port": 31_000}
"""KIS's own port numbers."""

_EPILOG: Final = """
examples:
  python -m simulator                                   a live market on port 9443
  python -m simulator --clock open --speed 60           a trading day in six and a half minutes, from 08:59 on
  python -m simulator --clock "2026-11-23 08:59:00" --manual --data ./books
                                                        time stands still until POST /control/clock
  python -m simulator --port 9443 --stream-port 21000 --paper-port 29443 --paper-stream-port 31000
                                                        both KIS services over one market
  python -m simulator --lenient --tls                   the same with https, for bots with KIS's fixed addresses
Every port speaks REST and WebSocket (any path). Open /control/ in a browser to see and steer the market.
"""


class ArgumentsError(Exception):
    """The command line contradicts itself or the journal; exit code 2."""


def console() -> None:
    """Run the command ``kis-simulator``."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator and return the exit code: 0 after a signal, 1 cannot run, 2 wrong arguments."""
    options = _options(arguments)
    close_to_others()
    try:
        hosts = served_hosts(options)
        callers = Callers(hosts, read_token(options.control_token))
        simulation = _simulation(options)
        tls = tls_of(options, hosts)
    except (ArgumentsError, SettingsMismatchError, ValueError) as error:
        return _failed(str(error), 2)
    except (JournalError, OSError) as error:
        return _failed(str(error), 1)
    try:
        doors = open_doors(options, tls)
    except PortTakenError as error:
        return _failed(str(error), 1)
    serve(simulation, doors, callers)
    for service in simulation.services.values():
        service.not_served.say_counts()
    simulation.close()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line. What it says itself goes before ``--lenient``."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.lenient:
        return options
    parser.set_defaults(**_NO_LIMITS, **({} if options.environment == PAPER else _BOTH_SERVICES))
    return parser.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name.replace("__main__.py", "python -m simulator"),
        description="A KIS Open API server (REST, WebSocket): seeded prices, a matching engine, faults on demand.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_port_options(parser)
    _add_callers(parser)
    _add_market(parser)
    _add_calendar(parser)
    _add_service(parser)
    return parser


def _add_callers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--allowed-host", action="append", default=[], help="Host name served beside loopback's and --host; repeatable")
    add("--control-token", type=Path, help="file, mode 600, with the token that /control wants (default: none)")


def _add_market(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--clock", help='live, open (a minute before the next open) or a KST time such as "2026-11-23 08:59:00"')
    add("--speed", type=int, help="market seconds per real second (default 1)")
    add("--real-anchor", help="real instant (ISO 8601) at which the market shows --clock (default: now)")
    add("--manual", action="store_true", help="market time stands still until POST /control/clock")
    add("--seed", type=int, help=f"seed of all prices (default {_DEFAULT_SEED})")
    add_listing_options(parser)
    add("--vi", choices=("on", "off"), help="whether seeded prices cause volatility interruptions (default on)")
    add("--data", type=Path, help="folder that keeps the books over restarts (default: memory only)")
    add("--bars", type=Path, help="recorded bars that the tape follows: the folder of `starter.py bars`, or a file")
    add("--only-bars", action="store_true", help="list only recorded stocks; a session without bars has no trades")


def _add_service(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--environment", choices=(REAL, PAPER), help="which KIS service to play (default real)")
    add("--opening-cash", type=argument_types.count, help=f"won in a new account (default {_DEFAULT_CASH})")
    add(
        "--ledger-limit",
        type=argument_types.count,
        default=0,
        help="account calls of everybody per second, 0 = no limit (default)",
    )
    add("--allow", type=Path, help="JSON file with the only app keys and accounts (default: all well-formed ones)")
    add("--lenient", action="store_true", help="no limits on calls, tokens and approval keys; both services, all ports")
    add("--harsh", type=argument_types.hardships, default=(), help="hardships of KIS by name, with commas, or all")
    add("--strict", action="store_true", help="refuse headers that KIS documents as wrong but mostly tolerates")
    add(
        "--rate-limit",
        type=argument_types.count,
        help="calls per second and app key, 0 = none (default 18 real, 1 paper)",
    )
    add(
        "--paper-rate-limit",
        type=argument_types.count,
        default=1,
        help="the same for --paper-port (default %(default)s)",
    )
    add(
        "--token-interval",
        type=argument_types.seconds,
        default=60.0,
        help="seconds between two token issues (default %(default)s)",
    )
    add(
        "--approval-interval",
        type=argument_types.seconds,
        default=1.0,
        help="the same for approval keys (default %(default)s)",
    )
    add(
        "--ping-interval",
        type=argument_types.seconds,
        default=10.0,
        help="seconds between two PINGPONGs (default %(default)s)",
    )
    add("--hts-id", default="", help="the HTS id that order notices go to (default: the first one an app key names)")


def _add_calendar(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--closure", type=argument_types.day, action="append", default=[], help="date without a session; repeatable")
    add("--session", type=argument_types.day, action="append", default=[], help="date with one against the tables")
    add(
        "--hours",
        type=argument_types.changed_hours,
        action="append",
        default=[],
        help="such as 2026-11-19=10:00-16:20-16:30",
    )


def _simulation(options: argparse.Namespace) -> Simulation:
    now = utc_now()
    first_year = _FIRST_RECORDED_YEAR if options.bars else FIRST_DATE.year
    calendar = krx_calendar(
        first_year,
        now.year + _YEARS_AHEAD,
        closures=frozenset(options.closure),
        sessions=frozenset(options.session),
        changed_hours=dict(options.hours),
    )
    kept = first_record(options.data) if options.data else None
    clock = _kept_clock(options, kept, calendar) if kept else _new_clock(options, now, calendar)
    values = kept["values"] if kept else {}
    environment = options.environment or values.get("environment", REAL)
    if environment == PAPER and (options.paper_port, options.paper_stream_port) != (None, None):
        raise ArgumentsError(
            "--paper-port and --paper-stream-port stand beside a real service; leave --environment out"
        )
    settings = SimulationSettings(
        clock=clock,
        calendar=calendar,
        seed=_chosen(options.seed, values.get("seed", _DEFAULT_SEED)),
        environment=environment,
        opening_cash=_chosen(options.opening_cash, values.get("opening_cash", _DEFAULT_CASH)),
        rate_limit=_chosen(options.rate_limit, _RATE_LIMITS[environment]),
        paper_rate_limit=options.paper_rate_limit,
        token_interval=options.token_interval,
        approval_interval=options.approval_interval,
        stream=StreamSettings(ping_interval=options.ping_interval, hts_id=options.hts_id),
        listings=_chosen(options.listings, values.get("listings", len(LISTINGS))),
        added=listed_beside(options, values),
        interruptions=options.vi == "on" if options.vi else values.get("interruptions", not values),
        recording=_recording(options, calendar),
        ledger_limit=options.ledger_limit,
        allowed=read_access_list(options.allow) if options.allow else None,
        strict=options.strict,
        harsh=options.harsh,
        journal=options.data,
    )
    return create_simulation(settings)


def _recording(options: argparse.Namespace, calendar: TradingCalendar) -> Recording | None:
    if not options.bars:
        if options.only_bars:
            raise ArgumentsError("--only-bars lists recorded stocks only; name the recorded bars with --bars")
        return None
    try:
        from simulator.bar_folder import read_bars  # noqa: PLC0415 - needs the history, which nothing else does
    except ModuleNotFoundError as error:
        raise ArgumentsError(
            f"--bars needs {error.name}, which is not installed: recorded bars are read by Haru's history module; "
            "run `python -m simulator` in a checkout of Haru, after pip install duckdb"
        ) from None

    recording = read_bars(options.bars, calendar, only=options.only_bars)
    for line in recording.report():
        print(f"simulator: {line}", file=sys.stderr)  # noqa: T201
    return recording


def _new_clock(options: argparse.Namespace, now: datetime, calendar: TradingCalendar) -> MarketClock | ManualClock:
    speed = _chosen(options.speed, 1)
    if speed < 1:
        raise ArgumentsError("--speed must be a whole number of at least 1")
    text = options.clock or ("live" if speed == 1 and not options.manual else "open")
    if options.manual:
        return ManualClock(market_instant(text, now, calendar))
    real = kst_instant(options.real_anchor) if options.real_anchor else now
    return clock_from_text(text, speed, real, calendar)


def _kept_clock(options: argparse.Namespace, kept: Record, calendar: TradingCalendar) -> MarketClock | ManualClock:
    """Return the journal's clock after checking that the command line does not contradict it."""
    clock = clock_from_json(kept["values"]["clock"])
    manual = isinstance(clock, ManualClock)
    asked_otherwise = [
        name
        for name, differs in (
            ("--manual", options.manual and not manual),
            ("--speed", options.speed not in (None, 1 if isinstance(clock, ManualClock) else clock.speed)),
            ("--clock", bool(options.clock) and not _shows(clock, options.clock, calendar)),
            ("--real-anchor", bool(options.real_anchor) and not _anchored(clock, options.real_anchor)),
        )
        if differs
    ]
    if asked_otherwise:
        raise ArgumentsError(
            f"{options.data} holds a market with another {' and '.join(asked_otherwise)} "
            f"({kept['values']['clock']}); leave it out or use another --data"
        )
    return clock


def _shows(clock: MarketClock | ManualClock, text: str, calendar: TradingCalendar) -> bool:
    if text == "live":
        return isinstance(clock, MarketClock) and clock.is_live
    anchor = clock.market_time if isinstance(clock, ManualClock) else clock.market_anchor
    if text == "open":
        return market_instant("open", anchor - _ONE_SECOND, calendar) == anchor
    return kst_instant(text) == anchor


def _anchored(clock: MarketClock | ManualClock, text: str) -> bool:
    return isinstance(clock, MarketClock) and clock.real_anchor == kst_instant(text)


def _chosen(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given


def _failed(message: str, code: int) -> int:
    print(f"simulator: {message}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
