"""Remaining headroom of each limit for `status`: of the fleet and of every worker, by its own rules."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.clock import in_seoul
from domain.headroom import Headroom, headroom
from domain.host_limits import capped_risk
from domain.identity import WorkerId
from domain.money import NO_WON, Won
from domain.risk import RiskSnapshot
from domain.rules import RiskRules
from fleet.asked_rules import risk_rules_of
from fleet.board import Board
from fleet.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Limits:
    """One worker's rules and the remaining headroom."""

    worker_id: WorkerId
    rules: RiskRules
    left: Headroom
    snapshot: RiskSnapshot
    is_asked: bool
    """Whether the worker itself reported its rules; otherwise they are from the settings."""


async def read_limits(fleet: Fleet, board: Board, configured: RiskRules) -> tuple[Limits, ...]:
    """Read the remaining headroom of each limit from the books and from running workers.

    A worker answers with its effective rules: its own, capped by its host's. If it does not answer, the configured
    rules are shown, capped by every running host.
    """
    for host in await fleet.database.host_limits.of_living(fleet.account_id):
        configured = capped_risk(configured, host.ceiling.risk)
    running = [row.worker_id for row in board.rows if row.worker_id not in board.stopped]
    answers = await asyncio.gather(*(risk_rules_of(fleet, worker_id) for worker_id in running))
    own_rules = dict(zip(running, answers, strict=True))
    return tuple([await _limits(fleet, board, row.worker_id, own_rules, configured) for row in board.rows])


async def _limits(
    fleet: Fleet,
    board: Board,
    worker_id: WorkerId,
    own_rules: Mapping[WorkerId, RiskRules | None],
    configured: RiskRules,
) -> Limits:
    date = board.plan.session.date
    snapshot = await fleet.database.risk.snapshot(fleet.account_id, worker_id, date, board.now)
    own = own_rules.get(worker_id)
    rules = own or configured
    return Limits(worker_id, rules, headroom(snapshot, rules, board.now), snapshot, own is not None)


def limit_lines(limits: tuple[Limits, ...]) -> list[str]:
    """Return a line for the fleet and one for each worker."""
    if not limits:
        return []
    return [f"limits: {_fleet_line(limits)}", *(f"  {each.worker_id} {_worker_line(each)}" for each in limits)]


def limits_json(limits: tuple[Limits, ...]) -> dict[str, Any]:
    """Return the limits as JSON values: won, numbers, instants in ISO 8601."""
    fleet = None
    if limits:
        loss, guarded = _tightest_loss(limits), _tightest_give_back(limits)
        fleet = {
            "kill_switch_on": loss.snapshot.kill_switch_on,
            "loss_left": loss.left.fleet_loss_left,
            "loss_limit": loss.rules.fleet_daily_loss,
            "at_stake": loss.snapshot.fleet_at_stake,
            "peak_pnl": guarded.snapshot.fleet_peak_pnl,
            "give_back_from": guarded.rules.give_back_from,
            "give_back_left": guarded.left.give_back_left,
        }
    return {"fleet": fleet, "workers": [_worker_json(each) for each in limits]}


def _worker_json(each: Limits) -> dict[str, Any]:
    rests = each.left.rests_until
    return {
        "worker_id": each.worker_id,
        "loss_left": each.left.worker_loss_left,
        "loss_limit": each.rules.worker_daily_loss,
        "trades_left": each.left.trades_left,
        "trades_limit": each.rules.trades_per_worker,
        "losses_in_a_row": each.left.losses_in_a_row,
        "losses_in_a_row_limit": each.rules.losses_in_a_row,
        "rests_until": None if rests is None else in_seoul(rests).isoformat(),
        "rules_of": "worker" if each.is_asked else "settings",
    }


def _tightest_loss(limits: tuple[Limits, ...]) -> Limits:
    """Return the worker whose rules let the fleet lose the least. Workers may have different rules."""
    return min(limits, key=lambda each: each.left.fleet_loss_left)


def _tightest_give_back(limits: tuple[Limits, ...]) -> Limits:
    """Return the worker with the tightest profit guard: active now, else activating soonest, else none."""
    return min(limits, key=_how_loosely_guarded)


def _how_loosely_guarded(each: Limits) -> tuple[int, Won]:
    if each.left.give_back_left is not None:
        return 0, each.left.give_back_left
    return (1, each.rules.give_back_from) if each.rules.give_back_from > 0 else (2, NO_WON)


def _fleet_line(limits: tuple[Limits, ...]) -> str:
    loss = _tightest_loss(limits)
    switch = "on, nothing is bought" if loss.snapshot.kill_switch_on else "off"
    return (
        f"kill switch {switch}"
        f" · fleet {_loss(loss.snapshot.fleet_pnl, loss.rules.fleet_daily_loss, loss.left.fleet_loss_left)}"
        f"{_at_stake(loss.snapshot.fleet_at_stake)}"
        f" · profit give-back {_give_back(_tightest_give_back(limits))}"
    )


def _at_stake(won: Won) -> str:
    return f" · {won:,} won at stake at the stops of open positions" if won else ""


def _loss(net: Won, limit: Won, left: Won) -> str:
    """Return the result beside the limit. The amount left alone exceeds the limit after a profit."""
    return f"net {net:+,} won, entries stop at {-limit:,} ({left:,} away)"


def _give_back(each: Limits) -> str:
    if each.rules.give_back_from <= 0:
        return "off"
    if each.left.give_back_left is None:
        return f"from {each.rules.give_back_from:,} won on, highest so far {each.snapshot.fleet_peak_pnl:,}"
    return f"{each.left.give_back_left:,} won left, highest {each.snapshot.fleet_peak_pnl:,}"


def _worker_line(each: Limits) -> str:
    left, rules = each.left, each.rules
    pause = f", pause from {rules.losses_in_a_row}" if rules.losses_in_a_row else ""
    line = (
        f"{_loss(each.snapshot.worker_pnl, rules.worker_daily_loss, left.worker_loss_left)}"
        f" · {left.trades_left} of {rules.trades_per_worker} trades left"
        f" · losses in a row: {left.losses_in_a_row}{pause}"
    )
    if left.rests_until is not None:
        line += f" · cooling down until {in_seoul(left.rests_until):%H:%M:%S}"
    return line if each.is_asked else f"{line} · from the settings: the worker did not answer"
