"""While the broker refuses our key or token, Haru buys nothing and alerts the operator once (F31)."""

from domain.event_kind import EventKind
from domain.session import session_date_of
from fleet.duties.access import SHUT_BECAUSE, AccessDuty
from fleet.fleet import Fleet
from tests.support.builders import WORKER


async def shut_because(fleet: Fleet) -> str:
    now = fleet.market_now()
    snapshot = await fleet.database.risk.snapshot(fleet.account_id, WORKER, session_date_of(now), now)
    return snapshot.entries_closed_because


async def test_a_refused_token_shuts_entries_and_is_reported_once(fleet: Fleet) -> None:
    duty = AccessDuty(fleet, lambda: "KIS issued the same token that it refuses")

    for _ in range(3):
        await duty.look()

    assert await shut_because(fleet) == SHUT_BECAUSE
    refusals = [
        event
        for event in await fleet.database.events.latest(fleet.account_id, 10)
        if event.kind == EventKind.ACCESS_REFUSED
    ]
    assert [event.detail for event in refusals] == [{"cause": "KIS issued the same token that it refuses"}]


async def test_entries_open_again_with_the_access(fleet: Fleet) -> None:
    words = ["refused", ""]
    duty = AccessDuty(fleet, lambda: words[0])
    await duty.look()

    words.reverse()
    await duty.look()

    assert await shut_because(fleet) == ""


async def test_a_restarted_process_opens_what_its_predecessor_shut_for_this_alone(fleet: Fleet) -> None:
    await AccessDuty(fleet, lambda: "refused").look()

    await AccessDuty(fleet, lambda: "").look()

    assert await shut_because(fleet) == ""


async def test_what_was_shut_for_another_reason_stays_shut(fleet: Fleet) -> None:
    await fleet.database.risk.close_entries(fleet.account_id, session_date_of(fleet.market_now()), "market close")

    await AccessDuty(fleet, lambda: "refused").look()
    await AccessDuty(fleet, lambda: "").look()

    assert await shut_because(fleet) == "market close"
