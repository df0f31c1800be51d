"""When many sales wait for the account's rate budget, the largest is sent first (F41)."""

import asyncio

from activities.selling import PreparedExit
from domain.identity import WorkerId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Won
from domain.order import OrderPurpose
from domain.rules import RiskRules
from tests.activities.desk import Desk
from tests.support.stepping import ACCOUNT, a_broker

SIZES = {"005930": 500_000, "012330": 3_000_000, "028300": 1_500_000}


async def bought(desk: Desk, symbol: Symbol, capital: int) -> PreparedExit:
    """Hold a position of about this size (won), with its market sale recorded."""
    worker = WorkerId(f"worker-{symbol}")
    entry = await desk.prepares(symbol, worker=worker, risk=RiskRules(capital_per_trade=Won(capital)))
    assert entry.kind == "prepared", entry
    await desk.submits(entry)
    await desk.follows(entry.intent_id)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, attempt=2))
    assert isinstance(sale, PreparedExit)
    return sale


async def test_sales_that_wait_for_the_budget_go_out_by_size(desk: Desk) -> None:
    sales = [await bought(desk, Symbol(symbol), capital) for symbol, capital in SIZES.items()]
    budget = desk.database.rate_budget(ACCOUNT, 1)
    async with a_broker(desk.simulation, desk.database, desk.pace.now, budget) as desk.broker:
        await desk.broker.balance(Lane.EXIT)
        desk.rebuild()
        await asyncio.gather(*(desk.submits(sale, OrderPurpose.EXIT) for sale in sales))

    assert [order.symbol for order in desk.side_of(Side.SELL)] == ["012330", "028300", "005930"]
