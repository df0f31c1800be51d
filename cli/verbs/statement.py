"""The results of a session's close as text, and the verb that compares the broker's statement again."""

from collections.abc import Iterator
from dataclasses import asdict

from cli.desk import Desk
from domain.audit_log import Outcome
from domain.statement import line_in_words
from fleet.books import compare_statement
from reporting.after_close import AfterClose, after_close_values, read_after_close


async def statement(desk: Desk) -> int:
    """Compare the broker's statement of a session with ours; return 1 if it is unexplained or not comparable."""
    date = await desk.session_asked_for()
    done = await compare_statement(desk.fleet, date)
    await desk.conclude(Outcome.ACCEPTED, f"{done.unexplained} unexplained")
    found = await read_after_close(desk.fleet.database, desk.fleet.account_id, date)

    def show() -> None:
        for line in (f"session {date}", *_of_the_statement(found)):
            desk.console.say(line)

    desk.answer({**asdict(done), "session_date": date.isoformat(), **after_close_values(found)}, show)
    return 1 if done.unexplained or done.untold else 0


def after_close_lines(found: AfterClose) -> list[str]:
    """Return the results of a close for a terminal."""
    if found.proof is None:
        return ["after the close: not looked yet"]
    state = "flat, proven at the broker" if found.proof.flat else "NOT FLAT"
    orders = f", {found.proof.open_orders} orders open" if found.proof.open_orders else ""
    return [f"after the close: {state}{orders}", *_of_the_shares(found), *_of_the_statement(found)]


def _of_the_shares(found: AfterClose) -> Iterator[str]:
    for each in found.shares:
        parts = [
            f"{each.ledger_quantity:,} ours" if each.ledger_quantity else "",
            f"{each.owners_quantity:,} the owner's own" if each.owners_quantity else "",
            f"{each.unexplained_quantity:,} UNEXPLAINED" if each.unexplained_quantity else "",
        ]
        yield f"  {each.symbol}: broker {each.broker_quantity:,}; {', '.join(part for part in parts if part)}"


def _of_the_statement(found: AfterClose) -> Iterator[str]:
    if found.statement is None:
        yield "the broker's own profit and loss: not compared yet"
    elif found.statement.untold:
        yield f"the broker's own profit and loss: not compared, {found.statement.untold}"
    else:
        lines, differing = len(found.statement.lines), len(found.differing)
        unexplained = len(found.unexplained)
        yield f"the broker's own profit and loss: {lines} lines, {differing} differ, {unexplained} unexplained"
        yield from (f"  {line_in_words(line)}" for line in found.differing)
