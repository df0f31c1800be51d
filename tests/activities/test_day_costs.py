"""A day's costs by KIS's rounding: ledger, simulator and rule agree to the won for each stock."""

from collections import Counter
from datetime import timedelta

from activities.account.comparing import ReconcileRequest
from activities.settling import CloseRequest
from activities.statement import StatementCompared, StatementRequest
from domain.costs import Costs, cost_rates, day_costs
from domain.identity import WorkerId
from domain.market import Market, Side, Symbol
from domain.money import Won
from domain.position import ClosedTrade, ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT

TODAY = PLAN.session.date
NAVER = Symbol("035420")
STOCKS = (SAMSUNG, HYNIX, NAVER)
ROUNDS = 4
LISTS = "inquire-daily-ccld"


async def trades_once(desk: Desk, symbol: Symbol, number: int) -> None:
    worker = WorkerId(f"worker-{number}")
    entry = await desk.buys(symbol, worker=worker)
    desk.price_moves(+0.004, symbol)
    desk.passes(seconds=40)
    await desk.sells(entry)
    await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0)))


async def booked(desk: Desk) -> tuple[ClosedTrade, ...]:
    return await desk.database.trades.on(ACCOUNT, TODAY)


def by_stock_and_side(trades: tuple[ClosedTrade, ...]) -> dict[tuple[Symbol, Side], Costs]:
    costs: dict[tuple[Symbol, Side], Costs] = {}
    for trade in trades:
        for side, added in ((Side.BUY, trade.entry_costs), (Side.SELL, trade.exit_costs)):
            costs[trade.symbol, side] = costs.get((trade.symbol, side), Costs()).plus(added)
    return costs


def charged(desk: Desk) -> dict[tuple[Symbol, Side], Costs]:
    """Return the broker's charges, from its own book of the day."""
    found = {}
    for (day, symbol), traded in desk.broker_account.day_trades.items():
        assert day == TODAY
        found[Symbol(symbol), Side.BUY] = Costs(Won(traded.buy_fee))
        found[Symbol(symbol), Side.SELL] = Costs(Won(traded.sell_fee), Won(traded.tax))
    return found


def by_rule(desk: Desk) -> dict[tuple[Symbol, Side], Costs]:
    amounts: Counter[tuple[Symbol, Side]] = Counter()
    for order in desk.sent:
        amounts[Symbol(order.symbol), Side(order.side)] += order.amount
    markets = {symbol: tape.listing.market for symbol, tape in desk.simulation.exchange.tapes.items()}
    return {
        (symbol, side): day_costs(side, Won(amount), Market(markets[symbol]), cost_rates(TODAY))
        for (symbol, side), amount in amounts.items()
    }


async def test_a_days_costs_are_the_brokers_to_the_won_stock_by_stock(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    for number in range(ROUNDS * len(STOCKS)):
        await trades_once(desk, STOCKS[number % len(STOCKS)], number)
        assert by_stock_and_side(await booked(desk)) == charged(desk) == by_rule(desk)

    statement = await desk.does(desk.statement.compare_statement, StatementRequest(ACCOUNT, TODAY))
    reconciled = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert len(await booked(desk)) == ROUNDS * len(STOCKS)
    assert statement == StatementCompared(lines=5 * len(STOCKS) + 6, differing=0)
    assert reconciled.cash.endswith("no difference")
    trades = await booked(desk)
    assert sum(trade.net_pnl for trade in trades) == desk.broker_account.cash - desk.broker_account.opening_cash


async def test_an_amount_that_is_corrected_later_settles_the_costs_of_the_trades_after_it(desk: Desk) -> None:
    desk.simulation.add_fault(kind="wrong_amount", path=LISTS, won=-30_000, count=2)
    await trades_once(desk, SAMSUNG, 1)
    desk.simulation.clear_faults()
    await trades_once(desk, SAMSUNG, 2)
    provisional = {trade.worker_id: trade.costs for trade in await booked(desk)}

    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    settled = {trade.worker_id: trade.costs for trade in await booked(desk)}
    second = WorkerId("worker-2")
    assert settled[second] != provisional[second]
    assert by_stock_and_side(await booked(desk)) == charged(desk) == by_rule(desk)
    corrections = "SELECT array_agg(quantity) FROM trade_corrections WHERE position_id LIKE 'worker-2%'"
    assert await desk.database._pool.fetchval(corrections) == [0]
    pnl = "SELECT sum(realised_pnl) FROM positions"
    assert await desk.database._pool.fetchval(pnl) == sum(trade.net_pnl for trade in await booked(desk))
