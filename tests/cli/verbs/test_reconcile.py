"""``starter.py reconcile``: the findings of a reconciliation, for people and for programs."""

import argparse
import io
import json

import pytest

from activities.account.comparing import Reconciled
from cli.desk import Desk
from cli.tables.terminal import Terminal
from cli.verbs.orders import reconcile
from domain.money import Won
from domain.rules import TradingRules
from tests.support.running_fleet import Hosted

AGREES = Reconciled(0, (), cash="cash: ledger expects 5, broker shows 5, no difference")
DIFFERS = Reconciled(0, (), cash="cash: 7 won unexplained", cash_unexplained=Won(7))


def desk_of(hosted: Hosted, *, as_json: bool) -> tuple[Desk, io.StringIO]:
    shown = io.StringIO()
    asked = argparse.Namespace(json=as_json, apply=False)
    return Desk(hosted.fleet, TradingRules(), asked, Terminal(file=shown, width=160)), shown


async def test_the_cash_is_a_line_of_its_own_and_what_is_unexplained_is_an_exit_code(hosted: Hosted) -> None:
    for found, code in ((AGREES, 0), (DIFFERS, 1)):
        hosted.desk.reconciled = found
        desk, shown = desk_of(hosted, as_json=False)

        assert await reconcile(desk) == code
        assert shown.getvalue().splitlines() == [found.cash, "only looking; 0 differences left"]


async def test_programs_read_the_amount(hosted: Hosted, capsys: pytest.CaptureFixture[str]) -> None:
    hosted.desk.reconciled = DIFFERS
    desk, _ = desk_of(hosted, as_json=True)

    assert await reconcile(desk) == 1

    answer = json.loads(capsys.readouterr().out)
    assert (answer["cash"], answer["cash_unexplained"]) == (DIFFERS.cash, 7)
