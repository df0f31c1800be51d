"""Shares held without a trusted price raise a critical event after 30 s."""

from datetime import timedelta

from activities.market.price_alarm import LONG, PriceAlarm
from database.database import Database
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.position import ExitReason
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

_NO_PRICE = {"kind": "http_error", "path": "intstock-multprice"}
_LOOKS = int(LONG / timedelta(milliseconds=500))


async def alarms(database: Database) -> list[Event]:
    events = await database.events.latest(ACCOUNT, 50)
    return [event for event in events if event.kind == EventKind.PRICE_UNTRUSTED]


async def test_thirty_seconds_without_a_price_are_one_critical_event(desk: Desk) -> None:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    entry = await desk.buys()
    desk.simulation.add_fault(**_NO_PRICE, count=10_000)
    calm = [lambda: None] * (_LOOKS + 30)
    desk.pace.meanwhile.extend([*calm, desk.simulation.faults.clear, lambda: desk.price_moves(-0.05)])

    signal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    (event,) = await alarms(desk.database)
    assert (event.level, event.symbol) == (EventLevel.CRITICAL, SAMSUNG)
    assert 30 <= int(event.detail["seconds"]) <= 32


async def test_an_absence_that_lasts_is_reported_again_after_half_an_hour_and_a_price_begins_a_new_count(
    desk: Desk,
) -> None:
    entry = await desk.buys()
    position = await desk.holding(entry.position_id)
    desk.pace.begin()
    alarm = PriceAlarm(desk.database, desk.pace, CALENDAR)
    counts = []
    for seconds, is_trusted in ((29, False), (29, True), (29, False), (1, False), (600, False), (1_300, False)):
        await desk.pace.pause(timedelta(seconds=seconds))
        await alarm.look(position, is_trusted=is_trusted)
        counts.append(len(await alarms(desk.database)))

    assert counts == [0, 0, 0, 1, 1, 2]


async def test_outside_the_session_nothing_is_missed(desk: Desk) -> None:
    entry = await desk.buys()
    position = await desk.holding(entry.position_id)
    alarm = PriceAlarm(desk.database, desk.pace, CALENDAR)
    await desk.pace.pause(timedelta(hours=8))

    await alarm.look(position, is_trusted=False)

    assert await alarms(desk.database) == []
