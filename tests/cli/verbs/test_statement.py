"""``starter.py statement`` and the close in ``summary``, for people and for programs."""

import argparse
import io
import json

import pytest

from activities.statement import StatementCompared
from cli.desk import Desk
from cli.tables.terminal import Terminal
from cli.verbs.statement import after_close_lines, statement
from domain.flatness import HeldShares, Proven
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.rules import TradingRules
from domain.statement import WHOLE_ACCOUNT, Figure, Line
from reporting.after_close import read_after_close
from tests.support.builders import HYNIX, MONDAY, NOW, SAMSUNG
from tests.support.running_fleet import Hosted

LINES = (
    Line(SAMSUNG, Figure.BOUGHT, Won(100), Won(100)),
    Line(SAMSUNG, Figure.TAX, Won(10), Won(15), {"rounding": Won(2)}),
    Line(WHOLE_ACCOUNT, Figure.TAX, Won(10), Won(15), {"rounding": Won(2), "unexplained_stocks": Won(3)}),
)


def desk_of(hosted: Hosted, *, as_json: bool = False) -> tuple[Desk, io.StringIO]:
    shown = io.StringIO()
    asked = argparse.Namespace(json=as_json, date=MONDAY)
    return Desk(hosted.fleet, TradingRules(), asked, Terminal(file=shown, width=160)), shown


async def said_of_the_close(hosted: Hosted) -> list[str]:
    return after_close_lines(await read_after_close(hosted.fleet.database, hosted.fleet.account_id, MONDAY))


async def test_a_statement_is_shown_line_by_line_where_the_books_differ(hosted: Hosted) -> None:
    await hosted.fleet.database.statements.keep(hosted.fleet.account_id, MONDAY, LINES, NOW)
    hosted.desk.statement = StatementCompared(3, 2, ("005930 tax: …",))
    desk, shown = desk_of(hosted)

    assert await statement(desk) == 1
    assert shown.getvalue().splitlines() == [
        "session 2026-11-23",
        "the broker's own profit and loss: 3 lines, 2 differ, 1 unexplained",
        "  005930 tax: ledger 10, broker 15 (+2 rounding, +3 UNEXPLAINED)",
        "  account tax: ledger 10, broker 15 (+2 rounding, +3 unexplained stocks)",
    ]


async def test_programs_read_what_is_named_and_what_is_not(hosted: Hosted, capsys: pytest.CaptureFixture[str]) -> None:
    await hosted.fleet.database.statements.keep(hosted.fleet.account_id, MONDAY, LINES, NOW)
    hosted.desk.statement = StatementCompared(3, 2, ())
    desk, _ = desk_of(hosted, as_json=True)

    assert await statement(desk) == 0

    shown = json.loads(capsys.readouterr().out)["statement"]
    assert (shown["lines"], shown["differing"], shown["unexplained"]) == (3, 2, 1)
    assert shown["differences"][0]["named"] == {"rounding": 2}


async def test_a_service_that_reports_nothing_is_named(hosted: Hosted) -> None:
    why = "this service reports no profit and loss"
    await hosted.fleet.database.statements.keep_missing(hosted.fleet.account_id, MONDAY, why, NOW)
    hosted.desk.statement = StatementCompared(untold=why)
    desk, shown = desk_of(hosted)

    assert await statement(desk) == 1
    assert shown.getvalue().strip() == f"session 2026-11-23\nthe broker's own profit and loss: not compared, {why}"


async def test_the_summary_says_whose_shares_are_left(hosted: Hosted) -> None:
    assert await said_of_the_close(hosted) == ["after the close: not looked yet"]
    shares = [
        HeldShares(HYNIX, Quantity(0), Quantity(3), Quantity(0)),
        HeldShares(Symbol("035420"), Quantity(0), Quantity(1), Quantity(2)),
    ]
    proven = Proven(MONDAY, flat=False, open_orders=1, at=NOW)
    await hosted.fleet.database.snapshots.save(hosted.fleet.account_id, proven, shares)

    assert await said_of_the_close(hosted) == [
        "after the close: NOT FLAT, 1 orders open",
        "  000660: broker 3; 3 the owner's own",
        "  035420: broker 3; 1 the owner's own, 2 UNEXPLAINED",
        "the broker's own profit and loss: not compared yet",
    ]
