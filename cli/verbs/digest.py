"""``starter.py digest``: the result of a week or a month, as the channels get it. Needs only the database."""

import argparse

from cli.plain_answers import answer
from cli.verbs.report import open_books
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from reporting.digest import Span, digest_lines, period_of, read_digest
from runtime.settings import load_settings


async def digest(asked: argparse.Namespace) -> int:
    """Print the digest of the week or month of a date, by default of the latest session.

    Raises:
        OperationError: the books know no session of it.
    """
    settings = load_settings()
    async with open_books(settings) as books:
        known = await books.database.day_seen.dates(books.account_id)
        if not known:
            raise OperationError("the books know of no session yet; name a date, or trade first")
        period = period_of(Span(asked.span), asked.date or known[-1])
        calendar = krx_calendar(period.first.year, period.last.year, settings.calendar.overrides())
        values = await read_digest(books.database, books.account_id, calendar, period)
    if values is None:
        raise OperationError(f"the books know of no session from {period.first} to {period.last}")
    answer(asked, values, "\n".join(digest_lines(values, settings.language)))
    return 0
