"""Requests refused for lack of proof become events; a flood of them becomes a few."""

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from fleet.board import read_board
from fleet.duties.refusal import RefusalDuty
from fleet.fleet import Fleet
from security.sealing.refusals import Refusals


async def events(fleet: Fleet) -> list[Event]:
    latest = await fleet.database.events.latest(fleet.account_id, 200)
    return [event for event in latest if event.kind == EventKind.UNAUTHENTIC_REFUSED]


async def test_each_kind_is_reported_once_and_shown(fleet: Fleet) -> None:
    refusals = Refusals()
    duty = RefusalDuty(fleet, refusals)

    for _ in range(3):
        refusals.note("start", "TradingWorkerWorkflow", "trading-worker/x/worker-1", "no seal")
        refusals.note("query", "status", "trading-worker/x/worker-1", "no seal")
        await duty.look()
    board = await read_board(fleet, fleet.market_now())

    assert sorted((event.level, event.detail["number"]) for event in await events(fleet)) == [
        (EventLevel.CRITICAL, 1),
        (EventLevel.WARNING, 1),
    ]
    assert board.troubles[0] == "STRANGER: refused start TradingWorkerWorkflow trading-worker/x/worker-1: no seal"


async def test_a_flood_does_not_fill_the_books(fleet: Fleet) -> None:
    refusals = Refusals()
    duty = RefusalDuty(fleet, refusals)

    for number in range(500):
        refusals.note("signal", f"name-{number}", "w", "no seal")
        if number % 10 == 0:
            await duty.look()
    await duty.look()

    assert 20 <= len(await events(fleet)) <= 21


async def test_nothing_refused_is_nothing_written(fleet: Fleet) -> None:
    await RefusalDuty(fleet, Refusals()).look()

    assert await events(fleet) == []
