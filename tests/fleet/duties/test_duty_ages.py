"""A host notes how long ago each duty succeeded; `status` and `doctor` show it and name what is overdue."""

import asyncio
import json

import pytest

from cli.tables.duties import duties_json, overdue_lines
from fleet.duties import runner
from fleet.duties.duty import Terms
from fleet.duties.runner import DutyRunner
from fleet.fleet import Fleet
from tests.support.running_fleet import database, fleet

__all__ = ["database", "fleet"]
HOST = "vm/1/ab"


class Looks:
    """A duty that succeeds, or fails each time."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.terms = Terms(name, every=0.01, at_once=True, within=0.1)
        self._fails = fails

    async def look(self) -> None:
        """Run one round."""
        if self._fails:
            raise ConnectionError("PostgreSQL is away")


async def test_a_host_notes_the_age_of_each_duty(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_NOTED_EVERY", 0.01)
    await fleet.database.hosts.beat(fleet.account_id, HOST, "vm", 1)
    duties = DutyRunner(fleet, [Looks("orders"), Looks("clock", fails=True)], HOST)
    running = asyncio.create_task(duties.run())
    while not any(each.is_overdue for each in await fleet.database.hosts.duties(fleet.account_id)):
        await fleet.database.hosts.beat(fleet.account_id, HOST, "vm", 1)
        await asyncio.sleep(0.02)
    running.cancel()

    found = await fleet.database.hosts.duties(fleet.account_id)

    assert [each.name for each in found] == ["clock", "orders"]
    assert [each.host_id for each in found] == [HOST, HOST]


async def test_an_overdue_duty_is_named_and_the_others_are_counted(fleet: Fleet) -> None:
    hosts = fleet.database.hosts
    await hosts.beat(fleet.account_id, HOST, "vm", 1)
    await hosts.note_duties(fleet.account_id, HOST, {"clock": (5_000.0, 75.0), "orders": (0.0, 100_000.0)})

    found = await hosts.duties(fleet.account_id)

    (line,) = overdue_lines(found)
    assert line.startswith("duty clock of vm/1/ab last succeeded 5,0")
    shown = json.loads(json.dumps(duties_json(found)))["duties"][HOST]
    assert {name: each["overdue"] for name, each in shown.items()} == {"clock": True, "orders": False}


async def test_a_host_that_has_ended_or_noted_nothing_has_no_duties(fleet: Fleet) -> None:
    hosts = fleet.database.hosts
    await hosts.beat(fleet.account_id, HOST, "vm", 1)
    assert await hosts.duties(fleet.account_id) == ()
    await hosts.note_duties(fleet.account_id, HOST, {"clock": (5_000.0, 75.0)})
    await hosts.leave(fleet.account_id, HOST)

    assert await hosts.duties(fleet.account_id) == ()
