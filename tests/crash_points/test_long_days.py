"""Days on which the broker says no for hours."""

import pytest

from domain.order import OrderStatus
from tests.clockwork.town import a_town
from tests.crash_points.day import play
from tests.crash_points.market import ALWAYS_REJECTED, Plot


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_sale_that_is_refused_all_day_is_tried_to_the_end_and_carried_loudly(database_url: str) -> None:
    async with a_town(database_url) as town:
        case = await play(town, Plot(request="exit", answer=ALWAYS_REJECTED))

    refused = [each for each in case.books.ledger.orders if each.record.status is OrderStatus.REJECTED]
    named = {each.event.kind for each in case.books.ledger.events}
    assert len(refused) > 60
    assert not case.outcome.flat
    assert "position_carried_overnight" in named
    assert max(each.record.intent.decided_at for each in refused) >= case.books.plan.session.auction_at
    assert case.outcome.holdings == case.books.broker.holdings
