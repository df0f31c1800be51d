"""The review before every buy: each check fires, in the given order, and none allows a limit to be exceeded."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import EventLevel
from domain.money import Quantity, Won
from domain.risk import CHECKS, Approved, Denial, Denied, RiskSnapshot, level_of, review, standing_denial
from domain.rules import RiskRules
from tests.support.builders import HYNIX, NOW, SAMSUNG, a_plan, a_proposal, a_snapshot

OF_THE_HOST = frozenset(
    {Denial.SYMBOL_NOT_ALLOWED, Denial.DANGER_NOT_ACCEPTED, Denial.LIVE_NOT_CONFIRMED, Denial.PRICES_TOO_OLD}
)
"""Denials caused only by the settings of the hosting process (``domain/host_limits.py``, ``domain/capacity.py``)."""
RULES = RiskRules(give_back_from=Won(400_000))
MOMENT = timedelta(microseconds=1)
OBJECTIONS: dict[Denial, tuple[dict[str, Any], dict[str, Any]]] = {
    Denial.KILL_SWITCH_ON: ({}, {"kill_switch_on": True}),
    Denial.LEASE_LOST: ({"lease_held": False}, {}),
    Denial.ENTRIES_CLOSED: ({}, {"entries_closed_because": "the operator paused entries"}),
    Denial.OUTSIDE_ENTRY_HOURS: ({"at": a_plan().entries_until}, {}),
    Denial.FLEET_LOSS_LIMIT_REACHED: ({}, {"fleet_pnl": Won(-RULES.fleet_daily_loss)}),
    Denial.OPEN_RISK_EXCEEDED: ({"at_stake": Won(1)}, {"fleet_at_stake": RULES.fleet_daily_loss}),
    Denial.WORKER_LOSS_LIMIT_REACHED: ({}, {"worker_pnl": Won(-RULES.worker_daily_loss)}),
    Denial.TRADE_COUNT_REACHED: ({}, {"worker_trades": RULES.trades_per_worker}),
    Denial.PROFIT_GIVEN_BACK: ({}, {"fleet_peak_pnl": Won(400_000), "fleet_pnl": Won(200_000)}),
    Denial.LOSING_STREAK: (
        {},
        {"worker_losses_in_a_row": 4, "last_loss_at": NOW - RULES.cooldown_after_streak + MOMENT},
    ),
    Denial.COOLING_DOWN: ({}, {"last_loss_at": NOW - RULES.cooldown_after_loss + MOMENT}),
    Denial.SYMBOL_COOLING_DOWN: ({}, {"symbols_cooling_down": frozenset({SAMSUNG})}),
    Denial.CAPITAL_EXCEEDED: ({"amount": Won(RULES.capital_per_trade + 1)}, {}),
    Denial.BUYING_POWER_RESERVED: ({"amount": Won(600_000), "power": Won(1_000_000), "reserved": Won(400_001)}, {}),
    Denial.UNSELLABLE_BY_CLOSE: ({"sellable": Quantity(9)}, {}),
    Denial.DECISION_TOO_OLD: ({"decided_ago": timedelta(seconds=10.1)}, {}),
}


def denial_of(proposal: dict[str, Any], snapshot: dict[str, Any]) -> Denial | None:
    verdict = review(a_proposal(**proposal), a_snapshot(**snapshot), RULES, a_plan())
    return verdict.denial if isinstance(verdict, Denied) else None


def test_a_buy_within_all_limits_is_approved() -> None:
    assert review(a_proposal(), a_snapshot(), RULES, a_plan()) == Approved()


@pytest.mark.parametrize("denial", [denial for denial in Denial if denial not in OF_THE_HOST])
def test_every_check_can_deny(denial: Denial) -> None:
    proposal, snapshot = OBJECTIONS[denial]

    assert denial_of(proposal, snapshot) is denial


def test_every_denial_has_exactly_one_check_or_is_the_hosts() -> None:
    assert sorted([*(denial for denial, _ in CHECKS), *OF_THE_HOST]) == sorted(Denial)


def test_when_several_checks_object_the_first_in_order_is_named() -> None:
    order = [denial for denial, _ in CHECKS]
    for first, second in pairwise(order):
        proposal = {**OBJECTIONS[second][0], **OBJECTIONS[first][0]}
        snapshot = {**OBJECTIONS[second][1], **OBJECTIONS[first][1]}

        assert denial_of(proposal, snapshot) is first


def test_a_denial_carries_the_numbers() -> None:
    verdict = review(a_proposal(), a_snapshot(worker_pnl=Won(-600_000)), RULES, a_plan())

    assert verdict == Denied(Denial.WORKER_LOSS_LIMIT_REACHED, "PnL -600,000 won reaches the limit of -500,000")


def test_the_cool_down_ends_on_time() -> None:
    assert denial_of({}, {"last_loss_at": NOW - RULES.cooldown_after_loss}) is None


def test_another_symbols_cool_down_does_not_matter() -> None:
    assert denial_of({}, {"symbols_cooling_down": frozenset({HYNIX})}) is None


def test_what_can_be_sold_by_the_close_may_be_bought() -> None:
    assert denial_of({"sellable": Quantity(10)}, {}) is None


def test_the_whole_capital_may_be_used() -> None:
    assert denial_of({"amount": RULES.capital_per_trade}, {}) is None


@given(
    amount=st.integers(0, 10_000_000).map(Won),
    at=st.integers(-90, 500).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    snapshot=st.builds(
        a_snapshot,
        worker_pnl=st.integers(-1_000_000, 1_000_000).map(Won),
        fleet_pnl=st.integers(-4_000_000, 4_000_000).map(Won),
        worker_trades=st.integers(0, 60),
        kill_switch_on=st.booleans(),
    ),
)
def test_the_review_never_approves_past_a_limit(amount: Won, at: datetime, snapshot: RiskSnapshot) -> None:
    verdict = review(a_proposal(amount=amount, at=at), snapshot, RULES, a_plan())

    within = (
        amount <= RULES.capital_per_trade
        and snapshot.worker_pnl > -RULES.worker_daily_loss
        and snapshot.fleet_pnl > -RULES.fleet_daily_loss
        and snapshot.worker_trades < RULES.trades_per_worker
        and a_plan().entries_allowed_at(at)
        and not snapshot.kill_switch_on
    )
    assert isinstance(verdict, Approved) == within


def test_what_keeps_every_stock_from_being_bought_needs_no_proposal() -> None:
    assert standing_denial(a_snapshot(), RULES, a_plan(), NOW) is None
    lost = standing_denial(a_snapshot(kill_switch_on=True), RULES, a_plan(), NOW)
    assert lost is not None
    assert lost.denial is Denial.KILL_SWITCH_ON


def test_a_single_stock_that_rests_keeps_no_other_from_being_bought() -> None:
    resting = a_snapshot(symbols_cooling_down=frozenset({SAMSUNG}))
    assert standing_denial(resting, RULES, a_plan(), NOW) is None


def test_open_risk_up_to_the_limit_is_allowed() -> None:
    stake = Won(RULES.fleet_daily_loss - 150_000 - 20_000)

    within = a_snapshot(fleet_pnl=Won(-20_000), fleet_at_stake=stake)
    assert review(a_proposal(at_stake=Won(150_000)), within, RULES, a_plan()) == Approved()

    beyond = a_snapshot(fleet_pnl=Won(-20_001), fleet_at_stake=stake)
    verdict = review(a_proposal(at_stake=Won(150_000)), beyond, RULES, a_plan())
    assert isinstance(verdict, Denied)
    assert verdict.detail == (
        "PnL -20,001 won and a loss of 1,980,000 won if every open position reaches its stop "
        "exceed the limit of -2,000,000"
    )


def test_limits_that_were_hit_are_reported_and_the_ordinary_course_of_a_day_is_not() -> None:
    loud = {denial for denial in Denial if level_of(denial) is EventLevel.WARNING}

    assert Denial.FLEET_LOSS_LIMIT_REACHED in loud
    assert {level_of(denial) for denial in set(Denial) - loud} == {EventLevel.INFO}
    assert level_of(Denial.COOLING_DOWN) is EventLevel.INFO


def test_a_row_of_losses_without_an_instant_brings_no_pause() -> None:
    assert review(a_proposal(), a_snapshot(worker_losses_in_a_row=9, last_loss_at=None), RULES, a_plan()) == Approved()
