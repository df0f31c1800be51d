"""An unreadable row of the broker's lists is reported once, and shown by ``status`` while it persists."""

from datetime import timedelta

from broker.kis.readings import ReadingLog
from cli.tables.board import plain_lines
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.market import Symbol
from domain.session import session_date_of
from domain.unreadable import AccountList, UnreadableRow
from fleet.alerting.text import message_of
from fleet.board import as_json, read_board
from fleet.duties.reading import ReadingDuty
from fleet.fleet import Fleet
from tests.support.builders import SAMSUNG

ODD = UnreadableRow(AccountList.HOLDINGS, Symbol("Q530031"), "hldg_qty", "not a number")
NAMELESS = UnreadableRow(AccountList.ORDERS, None, "pdno", "not a code")
HOLDINGS = (AccountList.HOLDINGS, AccountList.CASH)


async def reported(fleet: Fleet) -> list[Event]:
    return [
        event
        for event in await fleet.database.events.latest(fleet.account_id, 20)
        if event.kind == EventKind.UNREADABLE_ROW
    ]


async def shown(fleet: Fleet) -> str:
    lines = plain_lines(await read_board(fleet, fleet.market_now()))
    return next((line for line in lines if "unreadable" in line), "")


async def test_a_row_is_reported_once_with_its_stock_and_field(fleet: Fleet) -> None:
    log = ReadingLog()
    duty = ReadingDuty(fleet, log.take)

    for _ in range(3):
        log.note([ODD, NAMELESS], *HOLDINGS)
        await duty.look()

    events = await reported(fleet)
    assert {(event.symbol, event.detail["field"], event.level) for event in events} == {
        (ODD.symbol, "hldg_qty", EventLevel.WARNING),
        (None, "pdno", EventLevel.ERROR),
    }
    assert len(events) == 2


async def test_status_repeats_it_until_a_whole_read_is_without_it(fleet: Fleet) -> None:
    log = ReadingLog()
    duty = ReadingDuty(fleet, log.take)
    log.note([ODD, NAMELESS], *HOLDINGS)
    await duty.look()
    assert await shown(fleet) == (
        "unreadable at the broker: Q530031 (holdings hldg_qty), a row without a code (orders pdno)"
    )
    board = await read_board(fleet, fleet.market_now())
    assert as_json(board)["unreadable"][0] == {"list": "holdings", "symbol": "Q530031", "field": "hldg_qty"}

    log.note([])
    await duty.look()
    assert "Q530031" in await shown(fleet)

    log.note([], *HOLDINGS)
    await duty.look()
    assert await shown(fleet) == "unreadable at the broker: a row without a code (orders pdno)"


async def test_another_process_takes_back_what_it_can_read(fleet: Fleet) -> None:
    first, second = ReadingLog(), ReadingLog()
    first.note([ODD], *HOLDINGS)
    await ReadingDuty(fleet, first.take).look()

    second.note([], *HOLDINGS)
    await ReadingDuty(fleet, second.take).look()

    assert await shown(fleet) == ""


async def test_what_was_unreadable_yesterday_is_not_shown_today(fleet: Fleet) -> None:
    yesterday = session_date_of(fleet.market_now() - timedelta(days=1))
    await fleet.database.unreadable_rows.keep(fleet.account_id, yesterday, [ODD], [])

    assert await shown(fleet) == ""


async def test_an_alert_says_so_in_korean(fleet: Fleet) -> None:
    log = ReadingLog()
    log.note([UnreadableRow(AccountList.HOLDINGS, SAMSUNG, "prpr", "negative")])
    await ReadingDuty(fleet, log.take).look()

    message = message_of(Environment.SIMULATED, await reported(fleet), "ko", str)

    assert "읽을 수 없는 증권사 목록 항목" in message.title
    assert "holdings: prpr" in message.body
