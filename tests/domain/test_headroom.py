"""The remainder of each limit agrees with the risk review."""

from datetime import timedelta

from domain.headroom import headroom
from domain.money import Won
from domain.risk import standing_denial
from domain.rules import RiskRules
from tests.support.builders import NOW, a_plan, a_snapshot

RULES = RiskRules(give_back_from=Won(400_000))


def test_a_fresh_day_leaves_everything() -> None:
    left = headroom(a_snapshot(), RiskRules(), NOW)

    assert (left.worker_loss_left, left.fleet_loss_left, left.trades_left) == (500_000, 2_000_000, 30)
    assert (left.losses_in_a_row, left.rests_until, left.give_back_left) == (0, None, None)


def test_losses_and_trades_use_the_limits_up() -> None:
    left = headroom(a_snapshot(worker_pnl=Won(-120_000), fleet_pnl=Won(50_000), worker_trades=29), RULES, NOW)

    assert (left.worker_loss_left, left.fleet_loss_left, left.trades_left) == (380_000, 2_050_000, 1)
    beyond = headroom(a_snapshot(worker_pnl=Won(-900_000), worker_trades=44), RULES, NOW)
    assert (beyond.worker_loss_left, beyond.trades_left) == (0, 0)


def test_nothing_is_left_exactly_when_the_review_denies() -> None:
    for fleet_pnl in (200_001, 200_000):
        snapshot = a_snapshot(fleet_peak_pnl=Won(400_000), fleet_pnl=Won(fleet_pnl))
        left = headroom(snapshot, RULES, NOW).give_back_left

        assert (left == 0) == (standing_denial(snapshot, RULES, a_plan(), NOW) is not None)


def test_profit_is_guarded_from_the_amount_on_that_is_configured() -> None:
    assert headroom(a_snapshot(fleet_peak_pnl=Won(399_999)), RULES, NOW).give_back_left is None
    assert headroom(a_snapshot(fleet_peak_pnl=Won(9_000_000)), RiskRules(), NOW).give_back_left is None


def test_a_loss_brings_a_pause_and_a_row_of_them_a_longer_one() -> None:
    lost_at = NOW - timedelta(minutes=1)
    once = headroom(a_snapshot(last_loss_at=lost_at, worker_losses_in_a_row=1), RULES, NOW)
    often = headroom(a_snapshot(last_loss_at=lost_at, worker_losses_in_a_row=4), RULES, NOW)
    rested = headroom(a_snapshot(last_loss_at=lost_at), RULES, lost_at + RULES.cooldown_after_loss)

    assert once.rests_until == lost_at + timedelta(minutes=5)
    assert often.rests_until == lost_at + timedelta(minutes=30)
    assert rested.rests_until is None
