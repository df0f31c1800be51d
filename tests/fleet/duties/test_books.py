"""Comparisons of the books: within the session, and again after an outage of the stream or the broker."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.clock import KST, MarketClock
from domain.identity import AccountId
from domain.session import SessionDate
from fleet.duties.books import BooksDuty
from fleet.fleet import Fleet
from tests.support.builders import MONDAY

OWNER = "host-1"


@dataclass
class Comparisons:
    """Records the session, and the end of the outage, of each requested comparison."""

    wanted: list[tuple[SessionDate, datetime | None]] = field(default_factory=list)

    async def keep_up(self, account_id: AccountId, day: SessionDate, wanted_since: datetime | None = None) -> None:
        self.wanted.append((day, wanted_since))


def duty_of(fleet: Fleet, *troubles: str) -> tuple[BooksDuty, Comparisons]:
    words, books = list(troubles), Comparisons()
    anything: Any = books
    return BooksDuty(fleet, anything, lambda: words.pop(0) if words else ""), books


def at(fleet: Fleet, text: str) -> Fleet:
    """Return the fleet at another time (KST)."""
    moment = datetime.fromisoformat(text).replace(tzinfo=KST)
    return replace(fleet, clock=MarketClock(fleet.real_now(), moment))


@pytest.mark.parametrize(
    ("moment", "compares"),
    [
        ("2026-11-23 07:30", False),
        ("2026-11-23 08:05", True),
        ("2026-11-23 15:25", True),
        ("2026-11-23 15:31", False),
        ("2026-11-22 10:00", False),
    ],
)
async def test_books_are_compared_from_the_morning_to_the_sessions_end(
    fleet: Fleet, moment: str, compares: bool
) -> None:
    duty, books = duty_of(at(fleet, moment))

    await duty.look()

    assert [day for day, _ in books.wanted] == [MONDAY] * compares


async def test_a_stream_that_is_back_wants_a_comparison_since_then(fleet: Fleet) -> None:
    duty, books = duty_of(fleet)
    leases = fleet.database.stream_leases
    await leases.take(fleet.account_id, OWNER)
    await leases.report(fleet.account_id, OWNER, [])
    state = await leases.state(fleet.account_id)

    await duty.look()

    assert state is not None
    assert books.wanted == [(MONDAY, state.connected_since)]


async def test_a_broker_that_is_back_after_two_silent_looks_wants_one(fleet: Fleet) -> None:
    duty, books = duty_of(fleet, "ConnectError", "ConnectError", "", "")
    before = await fleet.database.server.now()

    for _ in range(4):
        await duty.look()

    assert [since for _, since in books.wanted[:2]] == [None, None]
    since = books.wanted[2][1]
    assert since is not None
    assert before < since < before + timedelta(minutes=5)
    assert books.wanted[3][1] == since


async def test_one_call_that_failed_is_no_outage(fleet: Fleet) -> None:
    duty, books = duty_of(fleet, "", "ReadTimeout", "")

    for _ in range(3):
        await duty.look()

    assert {since for _, since in books.wanted} == {None}
