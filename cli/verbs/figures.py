"""Verbs about figures: a session's summary, or a range of sessions, and its trades."""

from cli.asked_dates import stretch_of
from cli.desk import Desk
from cli.tables import figures
from cli.verbs.statement import after_close_lines
from domain.session import SessionDate
from reporting.after_close import after_close_values, read_after_close


async def summary(desk: Desk) -> int:
    """Summarise a session, or a range of sessions."""
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
        for line in after_close_lines(found):
            desk.console.say(line)

    desk.answer([fleet | {"after_the_close": after_close_values(found)}, *workers], show)
    return 0


async def trades(desk: Desk) -> int:
    """List a session's trades."""
    closed = await figures.read_trades(desk.fleet, await desk.session_asked_for())
    desk.answer(
        [figures.trade_json(trade) for trade in closed], lambda: desk.console.print(figures.trades_table(closed))
    )
    return 0
