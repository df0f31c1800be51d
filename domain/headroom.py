"""The remainder of each limit that stops entries, from the same figures as the review before a buy."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.money import Won
from domain.risk import RiskSnapshot, profit_floor
from domain.rules import RiskRules


@dataclass(frozen=True, slots=True)
class Headroom:
    """What one worker may still do in a session. Won; market time (UTC)."""

    worker_loss_left: Won
    """The amount that the worker may still lose; 0 once it may buy no more."""
    fleet_loss_left: Won
    trades_left: int
    losses_in_a_row: int
    rests_until: datetime | None
    """When the pause after one or several losses ends; None if there is no pause."""
    give_back_left: Won | None
    """How much profit the fleet may still give back; None while the profit is not guarded."""


def headroom(snapshot: RiskSnapshot, rules: RiskRules, now: datetime) -> Headroom:
    """Return the headroom at a market instant."""
    floor = profit_floor(snapshot, rules)
    return Headroom(
        worker_loss_left=_left(rules.worker_daily_loss, snapshot.worker_pnl),
        fleet_loss_left=_left(rules.fleet_daily_loss, snapshot.fleet_pnl),
        trades_left=max(rules.trades_per_worker - snapshot.worker_trades, 0),
        losses_in_a_row=snapshot.worker_losses_in_a_row,
        rests_until=_rests_until(snapshot, rules, now),
        give_back_left=None if floor is None else Won(max(snapshot.fleet_pnl - floor, 0)),
    )


def _left(limit: Won, pnl: Won) -> Won:
    return Won(max(limit + pnl, 0))


def _rests_until(snapshot: RiskSnapshot, rules: RiskRules, now: datetime) -> datetime | None:
    if snapshot.last_loss_at is None:
        return None
    pause = rules.cooldown_after_loss
    if 0 < rules.losses_in_a_row <= snapshot.worker_losses_in_a_row:
        pause = max(pause, rules.cooldown_after_streak)
    until = snapshot.last_loss_at + pause
    return until if pause > timedelta(0) and now < until else None
