"""Every code that the reader of the broker's lists accepts fits into each column for a foreign stock."""

from datetime import date, timedelta

import pytest
from pydantic import TypeAdapter

from broker.kis.fields import Code
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.flatness import HeldShares, Proven
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate
from domain.statement import Figure, Line
from tests.database.books import Books
from tests.support.builders import ACCOUNT, MONDAY, NOW

CODES = ("005930", "0001A0", "Q530031", "KR6000001", "KR1035020A12", "AAPL", "BRK/B", "7")
TUESDAY = SessionDate(date(2026, 11, 24))


@pytest.mark.parametrize("code", CODES)
async def test_a_code_of_any_length_can_be_written_down(books: Books, code: str) -> None:
    symbol = Symbol(TypeAdapter(Code).validate_python(code))
    database = books.database
    held = HeldShares(symbol, Quantity(0), Quantity(3), Quantity(1))

    await database.risk.cool_down(ACCOUNT, symbol, NOW + timedelta(hours=12))
    await database.snapshots.save(ACCOUNT, Proven(MONDAY, flat=False, open_orders=0, at=NOW), [held])
    await database.statements.keep(ACCOUNT, MONDAY, [Line(symbol, Figure.BOUGHT, Won(0), Won(1))], NOW)
    await database.first_looks.keep(ACCOUNT, MONDAY, {symbol: Quantity(3)}, NOW)
    await database.events.append(
        Event(ACCOUNT, EventKind.DISCREPANCY_FOUND, EventLevel.ERROR, NOW, MONDAY, symbol=symbol)
    )

    assert [each.symbol for each in await database.snapshots.left_before(ACCOUNT, TUESDAY)] == [symbol]
    assert await database.first_looks.of(ACCOUNT, MONDAY) == {symbol: 3}
    kept = await database.statements.on(ACCOUNT, MONDAY)
    assert kept is not None
    assert [line.symbol for line in kept.lines] == [symbol]
