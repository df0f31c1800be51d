"""Another program on the same app key: Haru buys nothing while it runs, and resumes when it has gone."""

from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.session import session_date_of
from fleet.duties.stream import SHUT_BECAUSE, StreamDuty
from fleet.fleet import Fleet
from reporting.sentences import words

TAKEN = "another session of this app key is open (OPSP8996)"


async def shut_because(fleet: Fleet) -> tuple[str, ...]:
    return await fleet.database.risk.closed_because(fleet.account_id, session_date_of(fleet.market_now()))


async def lost(fleet: Fleet, trouble: str) -> None:
    await fleet.database.stream_leases.take(fleet.account_id, "host-1")
    await fleet.database.stream_leases.report_lost(fleet.account_id, "host-1", trouble)


async def test_a_stream_that_stays_taken_shuts_entries_until_it_is_ours_again(fleet: Fleet) -> None:
    duties = [StreamDuty(fleet, stays_taken=0), StreamDuty(fleet, stays_taken=0)]
    await lost(fleet, TAKEN)
    for duty in duties:
        await duty.look()

    assert await shut_because(fleet) == (SHUT_BECAUSE,)
    by_kind = {event.kind: event for event in await fleet.database.events.latest(fleet.account_id, 10)}
    assert by_kind[EventKind.STREAM_TAKEN].level is EventLevel.ERROR
    assert by_kind[EventKind.STREAM_TAKEN].detail == {"cause": TAKEN}
    assert sorted(by_kind) == ["entries_shut", EventKind.STREAM_TAKEN]

    await fleet.database.stream_leases.report(fleet.account_id, "host-1", [])
    await duties[1].look()

    assert await shut_because(fleet) == ()


def test_the_reason_has_korean_words() -> None:
    assert words("ko").say(SHUT_BECAUSE) == "다른 프로그램이 같은 앱키로 실시간 세션을 사용 중(OPSP8996)"


async def test_a_stream_that_was_taken_just_now_may_be_one_that_a_crash_has_left(fleet: Fleet) -> None:
    duty = StreamDuty(fleet)
    await lost(fleet, TAKEN)

    await duty.look()
    await duty.look()

    assert await shut_because(fleet) == ()


async def test_a_stream_that_is_away_for_another_cause_shuts_nothing(fleet: Fleet) -> None:
    duty = StreamDuty(fleet, stays_taken=0)
    await lost(fleet, "the stream was cut")

    await duty.look()

    assert await shut_because(fleet) == ()


async def test_another_reason_for_shut_entries_stays_when_the_stream_is_ours_again(fleet: Fleet) -> None:
    duty, date = StreamDuty(fleet, stays_taken=0), session_date_of(fleet.market_now())
    await fleet.database.risk.close_entries(fleet.account_id, date, "books disagree")
    await lost(fleet, TAKEN)
    await duty.look()

    await fleet.database.stream_leases.report(fleet.account_id, "host-1", [])
    await duty.look()

    assert await shut_because(fleet) == ("books disagree",)
