"""Days on which the broker refuses orders for hours."""

from collections import Counter
from typing import Final

import pytest

from activities.closing import LIQUIDATE_MESSAGE
from domain.event import EventLevel
from domain.order import OrderStatus
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_day import DAY, Afternoon, on_the_day, workflow_of
from tests.trials.crash_points.closing_plots import SALE, ClosingPlot
from tests.trials.crash_points.market import ALWAYS_REJECTED
from verifier.invariants import violations

HALTED: Final = ClosingPlot("halted")
REFUSED: Final = ClosingPlot(
    "refused all day", stocks=1, starts_at=f"{DAY} 09:05", fault={**SALE, **ALWAYS_REJECTED.fault}
)
CLOSE: Final = "market-close"
MOST_EVENTS: Final = 10_000
"""A fifth of Temporal's limit for a run's history (F47)."""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_sale_that_is_refused_from_morning_to_evening_is_tried_to_the_end_and_carried_loudly(
    town: Town,
) -> None:
    afternoon = Afternoon(town, REFUSED)
    await afternoon.begin()
    afternoon.simulation.add_fault(**REFUSED.fault)
    await afternoon.clockwork.until(lambda: False, on_the_day("09:10"))
    afternoon.clockwork.signal(workflow_of(0), LIQUIDATE_MESSAGE, DAY)
    await afternoon.clockwork.until(lambda: False, on_the_day("15:15"))
    afternoon.start_close()

    outcome = await afternoon.ends()

    day = await afternoon.judged()
    refused = [each for each in day.books.ledger.orders if each.record.status is OrderStatus.REJECTED]
    assert len(refused) > 380
    assert max(each.record.intent.decided_at for each in refused) >= day.books.plan.session.auction_at
    assert not outcome.flat
    assert outcome.holdings == day.books.broker.holdings
    assert "position_carried_overnight" in {each.event.kind for each in day.books.ledger.events}
    runs = [*afternoon.clockwork.past, *afternoon.clockwork.runs.values()]
    assert 5_000 < max(run.events for run in runs) < MOST_EVENTS
    afternoon.clockwork.close()


async def test_a_close_that_goes_on_in_new_runs_keeps_its_leases_and_reports_everything_once(town: Town) -> None:
    afternoon = Afternoon(town, HALTED)
    clockwork = afternoon.clockwork
    await afternoon.come_to()
    for symbol in HALTED.symbols:
        afternoon.simulation.set_conditions(symbol, halted=True)
    clockwork.longest_run = 25
    afternoon.start_close()
    await clockwork.until(lambda: False, on_the_day("15:15:01"))

    await afternoon.until(lambda: CLOSE not in clockwork.runs)

    runs = [run for run in clockwork.past if run.workflow_id == CLOSE]
    assert len(runs) > 5
    assert (runs[-1].result.flat, runs[-1].result.seized) == (False, HALTED.stocks)
    day = await afternoon.judged()
    assert [found for found in violations(day.books).values() if found] == []
    named = Counter(each.event.kind for each in day.books.ledger.events if each.event.level is EventLevel.CRITICAL)
    assert named == dict.fromkeys(("position_unsold_at_close", "position_carried_overnight"), HALTED.stocks)
    assert afternoon.host.attempts.count("seize_position") == HALTED.stocks
    clockwork.close()
