"""Cash in a reconciliation: compared when no order is open, reported once, never corrected."""

from activities.account.comparing import Reconciled, ReconcileRequest
from domain.event import Event, EventLevel
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import OrderStatus
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, WORKER
from tests.support.stepping import ACCOUNT

TODAY = PLAN.session.date


async def reconciled(desk: Desk, *, apply: bool = True) -> Reconciled:
    return await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT, apply))


async def cash_differences(desk: Desk) -> list[Event]:
    return [event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind == "cash_differs"]


def moves(desk: Desk, won: int) -> None:
    """Let the owner deposit or withdraw cash."""
    desk.broker_account.cash = Won(desk.broker_account.cash + won)


async def test_the_first_look_of_a_session_is_what_later_ones_compare_with(desk: Desk) -> None:
    first = await reconciled(desk)
    moves(desk, 1)
    second = await reconciled(desk)

    opening = desk.broker_account.opening_cash
    assert first.cash == f"cash: first reading of the session, broker shows {opening:,} won"
    assert first.cash_unexplained == 0
    assert second.cash_unexplained == 1
    kept = await desk.database.cash_baselines.of(ACCOUNT, TODAY)
    assert kept is not None
    assert kept.cash == opening


async def test_looking_only_keeps_no_baseline_and_writes_no_event(desk: Desk) -> None:
    await reconciled(desk, apply=False)
    assert await desk.database.cash_baselines.of(ACCOUNT, TODAY) is None
    await reconciled(desk)
    moves(desk, -50_000)

    found = await reconciled(desk, apply=False)

    assert found.cash_unexplained == -50_000
    assert await cash_differences(desk) == []


async def test_after_a_trade_the_cash_is_what_the_ledger_expects(desk: Desk) -> None:
    await reconciled(desk)
    entry = await desk.buys()
    holding = await reconciled(desk)
    await desk.sells(entry)

    sold = await reconciled(desk)

    cash = desk.broker_account.cash
    assert cash != desk.broker_account.opening_cash
    assert sold.cash == f"cash: ledger expects {cash:,}, broker shows {cash:,}, no difference"
    assert holding.cash.endswith("no difference")
    assert await cash_differences(desk) == []


async def test_money_that_was_taken_out_is_reported_once_and_shuts_nothing(desk: Desk) -> None:
    await reconciled(desk)
    entry = await desk.buys()
    await desk.sells(entry)
    moves(desk, -300_000)

    first = await reconciled(desk)
    second = await reconciled(desk)

    assert first == second
    assert first.cash.endswith("difference -300,000 won, -300,000 unexplained")
    assert (first.cash_unexplained, first.differences, first.entries_closed) == (-300_000, (), False)
    (event,) = await cash_differences(desk)
    assert (event.level, event.detail["unexplained"]) == (EventLevel.WARNING, -300_000)
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, TODAY, desk.pace.now())
    assert not snapshot.entries_closed_because


async def test_a_trade_by_hand_explains_its_difference(desk: Desk) -> None:
    await reconciled(desk)
    before = desk.broker_account.cash
    order = OrderRequest(desk.broker_account.id, HYNIX, Side.BUY, OrderType.MARKET, Quantity(3), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == 3

    found = await reconciled(desk)

    paid = desk.broker_account.cash - before
    assert found.cash.endswith(f"difference {paid:+,} won, {paid:+,} by orders not sent by Haru")
    assert found.cash_unexplained == 0
    assert await cash_differences(desk) == []


async def test_while_an_order_works_cash_is_neither_compared_nor_kept(desk: Desk) -> None:
    entry = await desk.prepared()
    early = await reconciled(desk)
    await desk.submits(entry)
    moves(desk, 700)
    working = await reconciled(desk, apply=False)

    assert early.cash == working.cash == "cash: not compared, 1 orders of Haru are still active or unresolved"
    assert await desk.database.cash_baselines.of(ACCOUNT, TODAY) is None
    assert (await desk.follows(entry.intent_id)).status is OrderStatus.FILLED
    assert (await reconciled(desk)).cash.startswith("cash: first reading")


async def test_a_difference_of_one_read_is_none(desk: Desk) -> None:
    await reconciled(desk)
    moves(desk, 9_000)
    desk.pace.meanwhile.append(lambda: moves(desk, -9_000))

    found = await reconciled(desk)

    assert found.cash.endswith("no difference")
    assert await cash_differences(desk) == []


async def test_an_amount_that_changes_from_read_to_read_is_not_believed(desk: Desk) -> None:
    await reconciled(desk)
    moves(desk, 9_000)
    desk.pace.meanwhile.append(lambda: moves(desk, 1_000))

    found = await reconciled(desk)

    assert found.cash == "cash: not compared, the amount changed during the read"
    assert await cash_differences(desk) == []


async def test_in_the_middle_of_a_session_a_lagging_balance_makes_no_baseline(desk: Desk) -> None:
    await desk.buys()
    moves(desk, 9_000)
    desk.pace.meanwhile.append(lambda: moves(desk, -9_000))

    await reconciled(desk)

    assert await desk.database.cash_baselines.of(ACCOUNT, TODAY) is None


async def test_each_session_has_a_baseline_of_its_own(desk: Desk) -> None:
    await reconciled(desk)
    desk.passes(days=1)
    moves(desk, -1_000_000)

    found = await reconciled(desk)

    assert found.cash.startswith("cash: first reading")
    assert await cash_differences(desk) == []
