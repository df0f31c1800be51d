"""Thinly traded stocks: Haru buys less of them, or nothing, and sells their positions first (F41)."""

from datetime import timedelta

import pytest

from activities.entries import NoEntry, PreparedEntry
from domain.exits import ExitSignal
from domain.lane import Lane
from domain.position import ExitReason
from domain.session import session_date_of
from domain.summary import FLEET
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, RULES, kst

AFTERNOON = timedelta(hours=3, minutes=50)


def trades_little(desk: Desk, share: float) -> None:
    """From now on the price is constant, and only this share of the usual volume trades."""
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False, volume=share)


async def seen_for(desk: Desk, **duration: float) -> None:
    """Give the feed the stock's volume now and after a delay."""
    await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.SCAN)
    desk.passes(**duration)


async def test_of_a_stock_that_trades_little_no_more_is_bought_than_can_be_sold(desk: Desk) -> None:
    affordable = RULES.risk.capital_per_trade // desk.price()
    trades_little(desk, 0.000_05)
    await seen_for(desk, minutes=20)

    entry = await desk.prepares()

    assert isinstance(entry, PreparedEntry), entry
    assert 1 <= entry.quantity < affordable / 2


async def test_what_could_not_be_sold_by_the_close_is_not_bought_and_that_is_written_down(desk: Desk) -> None:
    trades_little(desk, 0)
    await seen_for(desk, minutes=11)

    decision = await desk.prepares()

    assert isinstance(decision, NoEntry), decision
    (reason,) = decision.reasons
    assert reason == "005930: UNSELLABLE_BY_CLOSE: low volume: only 0 of 1 shares could be sold by the close"
    denials = await desk.database.events.denials_on(ACCOUNT, session_date_of(desk.pace.now()))
    assert denials[FLEET] == {"UNSELLABLE_BY_CLOSE": 1}


@pytest.mark.parametrize("trades", [True, False], ids=["thick", "thin"])
async def test_a_thin_position_is_sold_before_the_fleets_deadline_and_a_thick_one_is_not(
    desk: Desk, *, trades: bool
) -> None:
    desk.simulation.move_clock(desk.pace.now() + AFTERNOON)
    trades_little(desk, 1)
    entry = await desk.buys()
    trades_little(desk, 1 if trades else 0)
    desk.pace.meanwhile.extend([lambda: desk.passes(minutes=11), lambda: None])
    desk.pace.meanwhile.extend([lambda: desk.passes(minutes=20), lambda: None])
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    signal: ExitSignal = await desk.watches(entry)

    await desk.registers()
    (row,) = await desk.database.workers.board(ACCOUNT, session_date_of(desk.pace.now()))
    if trades:
        assert signal.reason is ExitReason.STOP_LOSS
        assert (row.sale_begins_at, row.sale_begins_because) == (None, "")
    else:
        assert signal.reason is ExitReason.DEADLINE
        assert signal.detail == f"14:20 KST, {row.sale_begins_because}"
        assert row.sale_begins_because == f"thin: nothing seems to trade, {entry.quantity} shares get 60 min"
        assert row.sale_begins_at == kst("2026-11-23 14:20")
