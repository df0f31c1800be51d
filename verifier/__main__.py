"""``python -m verifier``: exit code 0 when every invariant holds, 1 when one does not, 2 for a wrong command line."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import date

import httpx
from temporalio.service import RPCError

from database.errors import DATABASE_FAULTS
from domain.errors import TradingError
from domain.plain_text import escaped, harmless
from domain.session import SessionDate
from reporting.spoken import say
from runtime.embedded.errors import EmbeddedError
from runtime.faults import explain
from runtime.language import Parser, use_configured_language
from runtime.settings import SettingsError, load_settings
from runtime.standard_error import guard_standard_error, leave, say_error
from runtime.temporal_connection import TemporalAwayError
from security.private_files import NotPrivateError
from verifier.connecting import open_sources, plan_of
from verifier.reading import read_books
from verifier.report import report_json, report_lines
from verifier.verdict import Verdict, judge

_EXPECTED = (
    *(SettingsError, EmbeddedError, TradingError, TemporalAwayError, NotPrivateError),
    *(RPCError, RuntimeError, httpx.HTTPError, *DATABASE_FAULTS),
)


async def _judge(session_date: SessionDate | None) -> Verdict:
    settings = load_settings()
    async with open_sources(settings) as sources:
        plan = plan_of(sources, settings, session_date)
        verdict = await judge(lambda: read_books(sources, plan))
        await sources.database.day_seen.keep_verdict(sources.account_id, plan.session.date, report_json(verdict))
        return verdict


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m verifier", description=say("Compare broker, ledger and histories."))
    parser.add_argument("--json", action="store_true", help=say("print JSON"))
    parser.add_argument("--session-date", type=_session_date, metavar="D", help=say("YYYY-MM-DD, default today"))
    return parser


def _session_date(text: str) -> SessionDate:
    try:
        return SessionDate(date.fromisoformat(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-23") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the verdict and return the exit code."""
    use_configured_language()
    asked = _parser().parse_args(arguments)
    try:
        verdict = asyncio.run(_judge(asked.session_date))
    except _EXPECTED as error:
        say_error("verifier", say(explain(error)), as_json=explain(error) if asked.json else None)
        return 1
    if asked.json:
        sys.stdout.write(escaped(json.dumps(report_json(verdict), ensure_ascii=False, indent=2)) + "\n")
    else:
        sys.stdout.write(harmless("\n".join(report_lines(verdict))) + "\n")
    return 1 if verdict.count else 0


if __name__ == "__main__":
    guard_standard_error()
    leave(main())
