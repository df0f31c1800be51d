"""The verb for another program's orders: list them, and accept them one by one or all."""

from argparse import Namespace
from io import StringIO

import pytest

from cli.desk import Desk
from cli.parser import parser
from cli.running import verb_of
from cli.tables.board import heading
from cli.tables.terminal import Terminal
from cli.verbs import orders as order_verbs
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import BrokerOrder, BrokerOrderRef, OrderType
from domain.session import session_date_of
from fleet.board import read_board
from fleet.errors import OperationError
from fleet.fleet import Fleet
from tests.support.builders import HYNIX
from tests.support.stepping import RULES


async def another_program_orders(fleet: Fleet, *numbers: str) -> None:
    now = fleet.market_now()
    date = session_date_of(now)
    orders = fleet.database.foreign_api_orders
    rows = [
        BrokerOrder(
            BrokerOrderRef(date, "91252", number),
            HYNIX,
            Side.BUY,
            OrderType.LIMIT,
            Quantity(1),
            Price(200_000),
            now,
            Quantity(0),
            Won(0),
            Quantity(1),
            Quantity(0),
        )
        for number in numbers
    ]
    await orders.note(fleet.account_id, rows, now)
    await fleet.database.risk.close_entries(fleet.account_id, date, "another program", now, cause=orders.CAUSE)


def desk_of(fleet: Fleet, *typed: str) -> tuple[Desk, StringIO]:
    asked: Namespace = parser().parse_args(["foreign-orders", *typed])
    file = StringIO()
    return Desk(fleet, RULES, asked, Terminal(file=file, width=200)), file


async def test_waiting_orders_are_listed_and_accepted_with_a_reason(fleet: Fleet) -> None:
    await another_program_orders(fleet, "0000000007", "0000000009")
    listing, listed = desk_of(fleet)
    assert await verb_of(listing.asked.act)(listing) == 1
    assert listed.getvalue().splitlines() == [f"000000000{n} (buy 1 of {HYNIX})" for n in (7, 9)]
    assert "another program" in " ".join(heading(await read_board(fleet, fleet.market_now())))

    for number in ("0000000007", "all"):
        accepting, _ = desk_of(fleet, "accept", number, "--reason", "my own script")
        assert verb_of(accepting.asked.act) is order_verbs.accept_orders
        assert await order_verbs.accept_orders(accepting) == 0

    assert await verb_of(listing.asked.act)(listing) == 0
    assert "another program" not in " ".join(heading(await read_board(fleet, fleet.market_now())))


async def test_an_order_that_does_not_wait_is_refused_with_the_verb_that_lists_them(fleet: Fleet) -> None:
    accepting, _ = desk_of(fleet, "accept", "0000000001", "--reason", "my own script")

    with pytest.raises(OperationError, match="foreign-orders"):
        await order_verbs.accept_orders(accepting)
