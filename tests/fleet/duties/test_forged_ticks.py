"""The stream is not encrypted: one forged tick sells nothing, a real fall sells, whether the broker answers or not."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from domain.exits import ExitSignal
from domain.position import ExitReason
from tests.fleet.duties.hearing import Process, a_market, a_process, until
from tests.fleet.duties.test_streaming import logged
from tests.simulator.streaming import Venue
from tests.support.builders import SAMSUNG

PRICE = 70_000
LIMIT = 40.0


@pytest.fixture
async def market() -> AsyncIterator[Venue]:
    async with a_market() as venue:
        yield venue


@pytest.fixture
async def process(market: Venue, database_url: str) -> AsyncIterator[Process]:
    async with a_process(market, database_url) as process:
        yield process


async def watches_what_it_bought(process: Process) -> "asyncio.Task[ExitSignal]":
    """Request the stock first: the simulator then generates its days, which would slow the purchase."""
    await process.hears_of()
    entry = await process.desk.buys()
    watching = asyncio.create_task(process.desk.watches(entry))
    await until(lambda: bool(process.desk.feed._watched), "it is watched", LIMIT)
    return watching


def forges(market: Venue, price: int) -> None:
    """Let the next frame of trades show another price than the market's."""
    market.simulation.add_fault(
        kind="stream_absurd_price", path="stream", tr_id="H0STCNT0", symbol=SAMSUNG, body=str(price)
    )


@pytest.mark.parametrize("forged", [65_000, 75_000], ids=["a fall", "a rise"])
async def test_a_forged_tick_sells_nothing_and_does_not_move_the_best_price(
    process: Process, market: Venue, caplog: pytest.LogCaptureFixture, forged: int
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    watching = await watches_what_it_bought(process)
    forges(market, forged)
    await until(lambda: logged(caplog, "jump_held_back") == 1, "the forged tick has come", LIMIT)
    volume = process.desk.feed._prices.known[SAMSUNG].volume
    await until(lambda: process.desk.feed._prices.known[SAMSUNG].volume > volume, "trades go on", LIMIT)
    assert not watching.done()

    process.moves(0.95)
    async with asyncio.timeout(LIMIT):
        signal = await watching
    assert (signal.reason, signal.price) == (ExitReason.STOP_LOSS, PRICE * 95 // 100)
    assert signal.high_water_mark < 71_000


async def test_a_real_fall_is_sold_after_the_brokers_word(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    watching = await watches_what_it_bought(process)
    asked = process.asked()
    process.moves(0.95)

    async with asyncio.timeout(LIMIT):
        signal = await watching
    assert signal.reason is ExitReason.STOP_LOSS
    assert process.asked() > asked
    assert logged(caplog, "jump_taken_unconfirmed") == 0


@pytest.mark.parametrize("fault", ["http_error", "drop_before", "rate_storm", "garbage"])
async def test_a_real_fall_is_sold_while_the_broker_confirms_no_price(
    process: Process, market: Venue, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    watching = await watches_what_it_bought(process)
    market.simulation.add_fault(kind=fault, path="quotations", count=0)
    process.moves(0.95)

    async with asyncio.timeout(LIMIT):
        signal = await watching
    assert (signal.reason, signal.price) == (ExitReason.STOP_LOSS, PRICE * 95 // 100)
    assert logged(caplog, "jump_taken_unconfirmed") == 1


async def test_a_forged_rise_is_no_price_to_buy_at(
    process: Process, market: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    await process.hears_of()
    forges(market, 75_000)
    await until(lambda: logged(caplog, "jump_held_back") == 1, "the forged tick has come", LIMIT)

    entry = await process.desk.prepared()

    record = await process.desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.intent.decision_price == PRICE
