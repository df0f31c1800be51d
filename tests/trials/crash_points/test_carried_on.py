"""A host that carries on a sale is killed at every crossing, times every answer to the order of the watch.

``HARU_MATRIX=full`` plays all of them. Otherwise each answer plays a seeded sample.
"""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from database.database import Database
from domain.exits import ExitSignal
from domain.identity import IntentId
from domain.market import Side
from lab.books import book_of, frozen_books
from simulator.simulation import Simulation
from tests.activities.carrying_on import host_of, let_leases_lapse
from tests.activities.desk import OPENS_AT, PLAN, Desk, HandPace
from tests.support.builders import SAMSUNG
from tests.support.matrix import IS_WHOLE
from tests.support.stepping import ACCOUNT, a_broker, a_simulation
from tests.trials.clockwork.mortal import Life, MortalPool, MortalTransport, ProcessDiedError
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.market import ACCEPTED, NEVER_ARRIVED, REJECTED, REPLY_LOST, Answer
from tests.trials.crash_points.reckoning import loose_orders
from tests.trials.crash_points.tally import Tally, a_tally
from verifier.invariants import violations

_FIRST: Final = IntentId("run-1.2")
_SAMPLE: Final = 6


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("answers")


@pytest.mark.slow
@pytest.mark.timeout(1800 if IS_WHOLE else 240)
@pytest.mark.parametrize("answer", [ACCEPTED, REJECTED, REPLY_LOST, NEVER_ARRIVED], ids=lambda answer: answer.name)
async def test_a_host_that_carries_on_a_sale_may_die_at_any_crossing(town: Town, tally: Tally, answer: Answer) -> None:
    crossings, wrong = await _played(town, answer, 0)
    assert wrong == []

    every = range(1, len(crossings) + 1)
    chosen = list(every) if IS_WHOLE else sorted(random.Random(answer.name).sample(every, _SAMPLE))
    broken = {}
    for ends_at in chosen:
        _, wrong = await _played(town, answer, ends_at)
        if wrong:
            broken[f"{ends_at} {crossings[ends_at - 1]}"] = wrong

    tally.add(answer.name, crossings=len(crossings), cases=len(chosen), broken=len(broken))
    assert broken == {}


async def _played(town: Town, answer: Answer, ends_at: int) -> tuple[list[str], list[str]]:
    """Return the crossings of the first host, and what is wrong after the second."""
    await town.clear()
    simulation, life = a_simulation(OPENS_AT), Life()
    async with _process(town, simulation, life) as desk:
        await _sold_by_its_watch(desk, answer)
        life.begin_counting(ends_at)
        if ends_at:
            with pytest.raises(ProcessDiedError):
                await host_of(desk).look()
        else:
            await host_of(desk).look()
    async with _process(town, simulation, Life()) as desk:
        await let_leases_lapse(desk)
        await host_of(desk).look()
        return life.crossings, await _wrong_with(desk)


@asynccontextmanager
async def _process(town: Town, simulation: Simulation, life: Life) -> AsyncIterator[Desk]:
    pace, database = HandPace(simulation), Database(MortalPool(town.pool, life))  # type: ignore[arg-type]
    async with a_broker(simulation, database, pace.now, spoiled=lambda inside: MortalTransport(inside, life)) as broker:
        yield Desk(simulation, database, broker, pace)


async def _sold_by_its_watch(desk: Desk, answer: Answer) -> None:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    entry = await desk.buys()
    if answer.fault:
        desk.simulation.add_fault(**{"path": "order-cash", "side": "sell", **answer.fault})
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])
    signal: ExitSignal = await desk.watches(entry, first=_FIRST)
    assert signal.sent is not None
    await let_leases_lapse(desk)


async def _wrong_with(desk: Desk) -> list[str]:
    books = await frozen_books(desk.database, await book_of(desk.simulation), PLAN, is_over=False)
    found = [f"{name} {each.what}: {each.evidence}" for name, every in violations(books).items() for each in every]
    trades = await desk.database.trades.on(ACCOUNT, PLAN.session.date)
    if len(trades) != 1:
        found.append(f"{len(trades)} trades are booked")
    elif trades[0].net_pnl != desk.broker_account.cash - desk.broker_account.opening_cash:
        found.append(f"the trade earned {trades[0].net_pnl}")
    filled = sum(order.filled for order in desk.side_of(Side.SELL))
    if trades and filled != trades[0].quantity:
        found.append(f"{filled} shares sold for a trade of {trades[0].quantity}")
    return [*found, *loose_orders(books)]
