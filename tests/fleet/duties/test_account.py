"""The hold of the account: a fleet that loses it must not trade."""

import asyncio
from dataclasses import replace

import pytest

from database.errors import AccountInUseError
from domain.event import EventLevel
from domain.event_kind import EventKind
from fleet.duties.account import AccountDuty
from fleet.duties.duty import Terms
from fleet.duties.lost_workers import LostWorkersDuty
from fleet.duties.runner import DutyRunner
from fleet.fleet import Fleet


async def test_an_account_that_another_fleet_took_ends_the_host(fleet: Fleet) -> None:
    await AccountDuty(fleet, "the other").look()
    ours = AccountDuty(fleet, "ours")
    ours.terms = replace(ours.terms, at_once=True)

    with pytest.raises(AccountInUseError):
        await DutyRunner(fleet, [ours]).run()


class Broken:
    """A duty with a bug."""

    terms = Terms("broken", at_once=True, level=LostWorkersDuty.terms.level)

    async def look(self) -> None:
        raise LookupError


async def test_the_failure_of_a_duty_is_one_event_in_the_books(fleet: Fleet) -> None:
    running = [asyncio.create_task(DutyRunner(fleet, [Broken(), Broken()]).run()) for _ in range(2)]
    async with asyncio.timeout(30):
        while not (events := await fleet.database.events.latest(fleet.account_id, 10)):
            await asyncio.sleep(0.05)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    assert [(event.kind, event.level, event.detail["duty"]) for event in events] == [
        (EventKind.DUTY_FAILED, EventLevel.CRITICAL, "broken")
    ]
