"""The price of a sale: the watch's latest price costs no call, whichever process sells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.entries import PreparedEntry
from activities.selling import PreparedExit
from activities.watch.messages import WatchRequest
from domain.exits import ExitSignal
from domain.ladder import Tries
from domain.lane import Lane
from domain.market import Quote
from domain.money import Price
from domain.order import OrderIntent, OrderType
from domain.position import ExitReason
from domain.pricing import exit_limit
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import RULES, kst

PRICES = "FHKST11300006"
BELOW = 1_000
"""Won by which the watch's price is below the current price, so that the test can distinguish the two."""


def prices_asked_for(desk: Desk) -> int:
    return desk.simulation.calls.by_tr_id[PRICES]


async def seen_elsewhere(desk: Desk, seconds: float) -> Quote:
    """Return a price that a watch in another process observed that long ago; this process has no price yet."""
    quote = (await desk.broker.quotes([SAMSUNG], Lane.WATCH))[SAMSUNG]
    desk.rebuild()
    lower = Price(quote.price - BELOW)
    return replace(quote, price=lower, bid=lower, ask=lower, observed_at=desk.pace.now() - timedelta(seconds=seconds))


async def sale_of(desk: Desk, entry: PreparedEntry, **changes: Any) -> OrderIntent:
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, **changes))
    assert isinstance(decision, PreparedExit), decision
    record = await desk.database.orders.get(decision.intent_id)
    assert record is not None
    return record.intent


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        (ExitReason.STOP_LOSS, 0.9),
        (ExitReason.STOP_LOSS, 1.0),
        (ExitReason.STOP_LOSS, -1.0),
        (ExitReason.DEADLINE, 0.9),
        (ExitReason.DEADLINE, 10.0),
        (ExitReason.DEADLINE, -5.0),
    ],
)
async def test_what_the_watch_has_just_seen_is_not_asked_for_again(
    desk: Desk, reason: ExitReason, seconds: float
) -> None:
    entry = await desk.buys()
    seen = await seen_elsewhere(desk, seconds)
    before = desk.simulation.calls.total

    intent = await sale_of(desk, entry, reason=reason, seen=seen)

    assert intent.limit_price == exit_limit(seen, RULES.execution)
    assert intent.decision_price == seen.price
    assert desk.simulation.calls.total == before


@pytest.mark.parametrize(
    ("seconds", "changes"),
    [
        (1.001, {"reason": ExitReason.STOP_LOSS}),
        (-1.001, {"reason": ExitReason.STOP_LOSS}),
        (10.001, {"reason": ExitReason.DEADLINE}),
        (0.9, {"reason": ExitReason.DEADLINE, "tries": Tries(orders=1)}),
        (-5.001, {"reason": ExitReason.DEADLINE}),
    ],
    ids=["old for a stop", "ahead of a stop", "old at the deadline", "already tried", "from the future"],
)
async def test_a_price_that_is_too_old_or_was_tried_is_asked_for_again(
    desk: Desk, seconds: float, changes: dict[str, Any]
) -> None:
    entry = await desk.buys()
    seen = await seen_elsewhere(desk, seconds)
    before = prices_asked_for(desk)

    intent = await sale_of(desk, entry, seen=seen, **changes)

    assert intent.limit_price is not None
    assert intent.limit_price > exit_limit(seen, RULES.execution)
    assert prices_asked_for(desk) == before + 1


async def test_a_sale_at_market_looks_into_no_order_book(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.move_clock(kst("2026-11-23 15:21"))
    seen = replace(await seen_elsewhere(desk, 0.1), bid=Price(0), ask=Price(0), shows_book=False)
    before = desk.simulation.calls.total

    intent = await sale_of(desk, entry, seen=seen)

    assert (intent.order_type, intent.decision_price) == (OrderType.MARKET, seen.price)
    assert desk.simulation.calls.total == before


async def test_an_absurd_price_that_a_watch_has_seen_sells_nothing(desk: Desk) -> None:
    entry = await desk.buys()
    seen = await seen_elsewhere(desk, 0.1)

    intent = await sale_of(desk, entry, seen=replace(seen, bid=Price(seen.ask + BELOW)))

    assert intent.limit_price is not None
    assert intent.limit_price > exit_limit(seen, RULES.execution)


@pytest.mark.parametrize(("seconds", "asked"), [(1.0, 0), (1.001, 1)])
async def test_without_a_watchs_word_a_price_of_this_process_sells_while_it_is_two_looks_old(
    desk: Desk, seconds: float, asked: int
) -> None:
    entry = await desk.buys()
    await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)
    before = prices_asked_for(desk)
    desk.passes(seconds=seconds)

    await sale_of(desk, entry, reason=ExitReason.OPERATOR, seen=None)

    assert prices_asked_for(desk) == before + asked


async def test_an_older_price_of_this_process_does_not_replace_the_watchs_last_word(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)
    known = desk.feed.known_quote(SAMSUNG)
    assert known is not None
    desk.passes(seconds=2)
    lower = Price(known.price - BELOW)
    seen = replace(known, price=lower, bid=lower, ask=lower, observed_at=known.observed_at + timedelta(seconds=1))

    intent = await sale_of(desk, entry, reason=ExitReason.DEADLINE, seen=seen)

    assert intent.decision_price == lower


async def test_what_this_process_has_seen_since_then_is_newer_than_the_watchs_last_word(desk: Desk) -> None:
    entry = await desk.buys()
    seen = await seen_elsewhere(desk, 3)
    (newer,) = (await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)).values()
    before = desk.simulation.calls.total

    intent = await sale_of(desk, entry, reason=ExitReason.DEADLINE, seen=seen)

    assert intent.limit_price == exit_limit(newer, RULES.execution)
    assert desk.simulation.calls.total == before


async def test_at_the_deadline_neither_a_watch_nor_its_sale_in_another_process_asks_for_a_price(desk: Desk) -> None:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    entry = await desk.buys()
    watch = WatchRequest(entry.position_id, SAMSUNG, entry.lease, RULES, desk.pace.now() + timedelta(seconds=1.2))

    signal: ExitSignal = await desk.does(desk.watching.watch_position, watch)
    desk.rebuild()
    before = desk.simulation.calls.total
    intent = await sale_of(desk, entry, reason=signal.reason, seen=signal.seen)

    assert signal.reason is ExitReason.DEADLINE
    assert intent.limit_price is not None
    assert desk.simulation.calls.total == before
