"""The exchange's messages stop buys when they contradict the calendar; sales do not need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.clock import MarketClock
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.market_phase import MarketMessage, MarketWord
from domain.session import session_date_of
from fleet.duties.phase import PhaseDuty
from fleet.fleet import Fleet
from reporting.sentences import words
from tests.support.stepping import kst

OPEN, HALTED = MarketMessage(MarketWord.OPEN, "112"), MarketMessage(MarketWord.HALTED, "174")
CLOSING = MarketMessage(MarketWord.CLOSING_AUCTION, "121")


def at(fleet: Fleet, clock: str) -> Fleet:
    """Return the fleet at a time of its Monday."""
    now = datetime.now(UTC)  # noqa: TID251 - the test's own anchor
    return replace(fleet, clock=MarketClock(now, kst(f"2026-11-23 {clock}")))


async def listens(fleet: Fleet) -> None:
    """Open a stream session that misses nothing from now on."""
    await fleet.database.stream_leases.take(fleet.account_id, "host-1", timedelta(hours=1))
    await fleet.database.stream_leases.report_lost(fleet.account_id, "host-1", "")
    await fleet.database.stream_leases.report(fleet.account_id, "host-1", [])


async def hears(fleet: Fleet, message: MarketMessage) -> bool:
    return await fleet.database.market_messages.keep(fleet.account_id, message, fleet.market_now())


async def shut(fleet: Fleet) -> tuple[str, ...]:
    return await fleet.database.risk.closed_because(fleet.account_id, session_date_of(fleet.market_now()))


async def differences(fleet: Fleet) -> list[Event]:
    return [
        event
        for event in await fleet.database.events.latest(fleet.account_id, 20)
        if event.kind == EventKind.MARKET_PHASE_DIFFERS
    ]


async def test_a_halt_shuts_entries_until_an_open_is_heard(fleet: Fleet) -> None:
    duties = [PhaseDuty(fleet), PhaseDuty(fleet)]
    await listens(fleet)
    await hears(fleet, HALTED)
    for duty in duties:
        await duty.look()

    (reason,) = await shut(fleet)
    assert words("ko").say(reason) == "거래소가 매매를 중단함(장운영 코드 174)"

    await hears(fleet, OPEN)
    await duties[1].look()
    assert await shut(fleet) == ()
    assert await differences(fleet) == []


async def test_a_closing_auction_long_before_the_calendars_shuts_entries_and_is_critical_once(fleet: Fleet) -> None:
    duty = PhaseDuty(fleet)
    await listens(fleet)
    await hears(fleet, CLOSING)
    await duty.look()
    await duty.look()

    (reason,) = await shut(fleet)
    assert words("ko").say(reason).startswith("거래소 메시지와 달력이 다름: ")
    (event,) = await differences(fleet)
    assert event.level is EventLevel.CRITICAL

    await hears(fleet, OPEN)
    await duty.look()
    assert await shut(fleet) == ()


async def test_what_was_heard_before_the_streams_session_was_lost_proves_nothing(fleet: Fleet) -> None:
    await listens(fleet)
    await hears(fleet, CLOSING)
    await listens(fleet)

    await PhaseDuty(fleet).look()

    assert await shut(fleet) == ()


async def test_a_late_close_is_reported_and_shuts_nothing(fleet: Fleet) -> None:
    await listens(fleet)
    await hears(at(fleet, "10:00"), OPEN)

    await PhaseDuty(at(fleet, "15:25")).look()

    (event,) = await differences(fleet)
    assert event.level is EventLevel.WARNING
    assert await shut(fleet) == ()


async def test_a_message_of_another_day_and_silence_shut_nothing(fleet: Fleet) -> None:
    duty = PhaseDuty(fleet)
    await listens(fleet)
    await duty.look()
    await fleet.database.market_messages.keep(fleet.account_id, HALTED, fleet.market_now() - timedelta(days=1))
    await duty.look()

    assert await shut(fleet) == ()


async def test_another_reason_stays_when_the_market_goes_on(fleet: Fleet) -> None:
    date = session_date_of(fleet.market_now())
    await fleet.database.risk.close_entries(fleet.account_id, date, "the disk is full")
    await listens(fleet)
    await hears(fleet, OPEN)

    await PhaseDuty(fleet).look()

    assert await shut(fleet) == ("the disk is full",)


async def test_a_word_that_is_repeated_is_news_once(fleet: Fleet) -> None:
    assert await hears(fleet, OPEN)
    assert not await hears(fleet, OPEN)
    assert await hears(fleet, HALTED)
