"""While PostgreSQL is down the kill switch still reaches every worker, and no other workflow."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

import fleet.kill_without_books
from database.database import open_when_back
from database.errors import DATABASE_FAULTS
from domain.identity import AccountId
from fleet import commands
from fleet.commands import Verdict
from fleet.fleet import Fleet
from fleet.kill_without_books import press_without_books
from fleet.starting import start_workers
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from tests.trials.planted_bugs.swapping import swapped
from workflows.identity import worker_workflow_id


@pytest.fixture
async def cut_off(hosted: Hosted, unused_port: int) -> AsyncIterator[Fleet]:
    """The fleet of an operator whose PostgreSQL does not answer."""
    database = await open_when_back(f"postgresql://haru@127.0.0.1:{unused_port}/haru", 2)
    yield replace(hosted.fleet, database=database)
    await database.aclose()


async def test_workers_pause_and_sell_on_a_kill_switch_that_no_books_could_be_asked_for(
    hosted: Hosted, cut_off: Fleet
) -> None:
    names = await start_workers(hosted.fleet, 2, some_rules())
    with pytest.raises(DATABASE_FAULTS):
        await commands.press_kill_switch(cut_off, "kim", "drill")

    with swapped(fleet.kill_without_books, "_AT_ONCE", 1):  # so that later numbers are asked too
        outcomes = await press_without_books(cut_off, [hosted.fleet.account_id, AccountId("simulated-older")])

    assert {(each.worker_id, each.verdict) for each in outcomes} == {(name, Verdict.DONE) for name in names}
    assert all(each.status and each.status.paused for each in outcomes)


async def test_a_history_leads_to_the_operators_command(hosted: Hosted) -> None:
    (name,) = await start_workers(hosted.fleet, 1, some_rules())

    await commands.command_all(replace(hosted.fleet, command_id="c0ffee"), [name], commands.PAUSE)

    workflow_id = worker_workflow_id(hosted.fleet.account_id, name)
    handle = hosted.fleet.client.get_workflow_handle(workflow_id)
    accepted = [
        event.workflow_execution_update_accepted_event_attributes.protocol_instance_id
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert len(accepted) == 1
    assert accepted[0].startswith("c0ffee.")
