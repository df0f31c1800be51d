"""Verbs about strategies without a passing verdict: list them, and confirm or withdraw one for real money."""

from cli.desk import Desk
from cli.tables.standings import standings_json
from database.verdicts import Confirmation
from domain.identity import LIVE_WORD, Environment
from domain.verdict import CONCLUSIONS, Standing
from fleet.errors import OperationError
from fleet.standings import read_standings
from runtime.os_user import os_user
from strategies import known, strategies_named


async def list_unproven(desk: Desk) -> int:
    """List the strategies in use without a passing verdict; return 1 if real money may not buy by one."""
    found = [each for each in await read_standings(desk.fleet, desk.rules.strategy.names) if not each.has_passed]

    def show() -> None:
        for each in found:
            desk.console.say(_line(each))
        if not found:
            desk.console.say("Every strategy in use has passed its verdict.")

    desk.answer(standings_json(found), show)
    is_live = desk.fleet.environment is Environment.LIVE
    return 1 if is_live and not all(each.may_buy for each in found) else 0


async def accept_unproven(desk: Desk) -> int:
    """Let real money buy by a strategy's present code although no verdict has passed it."""
    if desk.fleet.environment is not Environment.LIVE:
        raise OperationError(f"the account is {desk.fleet.environment}: only real money needs a confirmation")
    if desk.asked.live != LIVE_WORD:
        raise OperationError(f"this account trades real money; say so with --live {LIVE_WORD}")
    (standing,) = await read_standings(desk.fleet, [_known(desk.asked.name)])
    if standing.has_passed:
        raise OperationError(f"{standing.strategy} has passed its verdict: it needs no confirmation")
    return await _decided(desk, standing, accepted=True)


async def withdraw_unproven(desk: Desk) -> int:
    """Withdraw a confirmation: real money does not buy by that code from the next look of the hosts on."""
    (standing,) = await read_standings(desk.fleet, [_known(desk.asked.name)])
    if not standing.accepted_because:
        raise OperationError(f"{standing.strategy} has no confirmation to withdraw")
    return await _decided(desk, standing, accepted=False)


async def _decided(desk: Desk, standing: Standing, *, accepted: bool) -> int:
    about = Confirmation(standing.strategy, standing.source, os_user(), desk.asked.reason)
    await desk.fleet.database.verdicts.decide(desk.fleet.account_id, about, accepted=accepted)
    (now,) = await read_standings(desk.fleet, [standing.strategy])
    desk.answer(standings_json([now]), lambda: desk.console.say(_line(now)))
    return 0


def _known(name: str) -> str:
    strategies_named((name,))
    if not known().strategies[name].source:
        raise OperationError(f"the source of {name} cannot be read, so that nothing can be tied to it")
    return name


def _line(standing: Standing) -> str:
    verdict = "no verdict" if standing.conclusion is None else CONCLUSIONS[standing.conclusion]
    if standing.accepted_because:
        return f"{standing.strategy} ({standing.source[:12]}): {verdict}; confirmed because {standing.accepted_because}"
    return f"{standing.strategy} ({standing.source[:12]}): {verdict}; not confirmed"
