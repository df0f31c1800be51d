"""Commands of the page reach the workers by the same Updates as the command line, with a row of the audit log."""

from domain.identity import WorkerId
from domain.rules import TradingRules
from fleet.fleet import Fleet
from tests.web.serving import connected
from web.commands.wanted import Act, Wanted
from web.performing import Performer


async def commands(fleet: Fleet) -> list[tuple[object, object]]:
    """Return the audit rows' commands with their outcomes, oldest first."""
    events = await fleet.database.events.latest(fleet.account_id, 20)
    return [
        (each.detail["command"], each.detail["outcome"]) for each in reversed(events) if each.kind == "operator_command"
    ]


async def test_the_kill_switch_is_pressed_and_lifted(fleet: Fleet) -> None:
    performer = Performer(connected(fleet), TradingRules())

    pressed = await performer.perform(Wanted(Act.KILL_SWITCH_ON))
    assert (await fleet.database.risk.state(fleet.account_id)).kill_switch_on
    lifted = await performer.perform(Wanted(Act.KILL_SWITCH_OFF))

    assert not (await fleet.database.risk.state(fleet.account_id)).kill_switch_on
    assert pressed["lines"][0].startswith("Kill switch on")
    assert lifted["well"]
    assert await commands(fleet) == [("kill-switch on", "accepted"), ("kill-switch off", "accepted")]


async def test_a_worker_that_does_not_run_is_answered_and_audited(fleet: Fleet) -> None:
    name = WorkerId("worker-1")
    await fleet.database.workers.register_all(fleet.account_id, {name: "no-such-workflow"})

    done = await Performer(connected(fleet), TradingRules()).perform(Wanted(Act.PAUSE, name))

    assert not done["well"]
    assert "worker-1: not running" in done["lines"][0]
    assert await commands(fleet) == [("pause worker-1", "failed")]
