"""The broker's own profit and loss against ours: on quiet days, with manual trades, and without a statement."""

from datetime import datetime, time, timedelta

from activities.account.comparing import ReconcileRequest
from activities.entries import PreparedEntry
from activities.selling import PreparedExit, SoldByOthers
from activities.settling import CloseRequest
from activities.statement import StatementCompared, StatementRequest
from database.statements import KeptStatement
from domain.clock import KST
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.ladder import Rung, Tries
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose
from domain.position import ExitReason
from domain.session import SessionDate
from domain.statement import WHOLE_ACCOUNT, Figure, Line
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

TODAY = PLAN.session.date
REFUSED = Tries().after(Rung.BEST_BID, refused=True)
NAVER = Symbol("035420")


def by_hand(desk: Desk, side: Side, quantity: int, symbol: Symbol = SAMSUNG) -> int:
    """Trade manually; return the change in cash, costs included."""
    before = desk.broker_account.cash
    order = OrderRequest(desk.broker_account.id, symbol, side, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity
    return desk.broker_account.cash - before


async def close(desk: Desk, entry: PreparedEntry, reason: ExitReason, brought: Won | None = None) -> None:
    request = CloseRequest(entry.position_id, reason, entry.lease, timedelta(0), brought)
    await desk.does(desk.settling.close_position, request)


async def trades(desk: Desk, symbol: Symbol = SAMSUNG, name: str = "") -> None:
    entry = await desk.buys(symbol, name=name)
    await desk.sells(entry)
    await close(desk, entry, ExitReason.OPERATOR)


async def compares(desk: Desk) -> StatementCompared:
    return await desk.does(desk.statement.compare_statement, StatementRequest(ACCOUNT, TODAY))


async def kept(desk: Desk) -> KeptStatement:
    statement = await desk.database.statements.on(ACCOUNT, TODAY)
    assert statement is not None
    return statement


async def line(desk: Desk, symbol: Symbol, figure: Figure) -> Line:
    (found,) = [each for each in (await kept(desk)).lines if (each.symbol, each.figure) == (symbol, figure)]
    return found


async def differences(desk: Desk) -> list[Event]:
    return [
        event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind == EventKind.STATEMENT_DIFFERS
    ]


async def test_a_quiet_day_is_the_same_in_both_books(desk: Desk) -> None:
    await trades(desk)

    found = await compares(desk)

    assert found == StatementCompared(lines=11, differing=0)
    total = await line(desk, WHOLE_ACCOUNT, Figure.REALISED_TODAY)
    assert total.ledger == total.broker == desk.broker_account.cash - desk.broker_account.opening_cash
    assert desk.pace.pauses == 0
    assert await differences(desk) == []


async def test_on_a_day_of_hand_trades_ledger_and_named_adjustments_are_the_cash_to_the_won(desk: Desk) -> None:
    """The owner buys and sells other stocks and one of ours, and sells shares that we hold."""
    await desk.day_start.compare(ACCOUNT, TODAY)
    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    theirs = by_hand(desk, Side.BUY, 3, NAVER)
    await trades(desk, HYNIX, name="worker-1.1")
    desk.passes(minutes=6)
    theirs += by_hand(desk, Side.BUY, 7, HYNIX) + by_hand(desk, Side.SELL, 7, HYNIX)
    entry = await desk.buys(SAMSUNG, name="worker-1.2")
    desk.price_moves(+0.01)
    by_hand(desk, Side.SELL, entry.quantity)
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    await close(desk, entry, ExitReason.FOREIGN_SALE, decision.brought)
    theirs += by_hand(desk, Side.SELL, 3, NAVER)

    found = await compares(desk)
    reconciled = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    ours = sum(trade.net_pnl for trade in await desk.database.trades.on(ACCOUNT, TODAY))
    earned = desk.broker_account.cash - desk.broker_account.opening_cash
    assert ours + theirs == earned
    assert (found.unexplained, reconciled.cash_unexplained) == ((), 0)
    total = await line(desk, WHOLE_ACCOUNT, Figure.REALISED)
    assert (total.ledger, total.broker, total.named) == (ours, earned, {"foreign_trades": theirs})
    hynix = await line(desk, HYNIX, Figure.BOUGHT)
    by_owner = [order.amount for order in desk.side_of(Side.BUY) if order.by_hand and order.symbol == HYNIX]
    assert hynix.named == {"foreign_trades": by_owner[0]}


async def test_a_wrong_cost_is_unexplained_and_reported_once(desk: Desk) -> None:
    await trades(desk)
    desk.broker_account.day_trades[TODAY, SAMSUNG].tax += 50

    first = await compares(desk)
    again = await compares(desk)

    assert first == again
    assert first.unexplained[0].startswith(f"{SAMSUNG} tax: ledger ")
    assert (await line(desk, SAMSUNG, Figure.TAX)).unexplained == 50
    (event,) = await differences(desk)
    assert event.level is EventLevel.WARNING
    assert "+50 UNEXPLAINED" in str(event.detail["unexplained"])


async def test_the_lines_of_a_statement_are_those_of_its_own_session(desk: Desk) -> None:
    await trades(desk)
    await compares(desk)
    tomorrow = SessionDate(TODAY + timedelta(days=1))
    await desk.database.statements.keep(ACCOUNT, tomorrow, (), desk.pace.now())

    statement = await desk.database.statements.on(ACCOUNT, tomorrow)

    assert statement is not None
    assert statement.lines == ()
    assert (await kept(desk)).lines != ()


async def test_a_difference_that_a_second_look_does_not_show_is_not_reported(desk: Desk) -> None:
    await trades(desk)
    day = desk.broker_account.day_trades[TODAY, SAMSUNG]
    day.tax += 50

    def catches_up() -> None:
        day.tax -= 50

    desk.pace.meanwhile.append(catches_up)

    assert (await compares(desk)).unexplained == ()
    assert await differences(desk) == []


async def test_a_few_won_of_rounding_have_their_name(desk: Desk) -> None:
    await trades(desk)
    desk.broker_account.day_trades[TODAY, SAMSUNG].buy_fee += 1

    assert (await compares(desk)).unexplained == ()
    assert (await line(desk, SAMSUNG, Figure.COMMISSION)).named == {"rounding": 1}


async def test_a_trade_that_our_books_lack_is_unexplained(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)

    found = await compares(desk)

    assert any(words.startswith(f"{SAMSUNG} realised: ledger 0") for words in found.unexplained)


async def test_shares_that_are_carried_explain_what_the_day_has_cost_already(desk: Desk) -> None:
    await desk.buys()

    found = await compares(desk)

    realised = await line(desk, SAMSUNG, Figure.REALISED)
    assert found.unexplained == ()
    assert (realised.ledger, realised.named) == (0, {"carried": realised.broker})
    assert realised.broker < 0


async def test_the_next_day_a_carried_position_is_explained_too(desk: Desk) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    await desk.follows(sale.intent_id)
    await close(desk, entry, ExitReason.DEADLINE)

    request = StatementRequest(ACCOUNT, SessionDate(TODAY + timedelta(days=1)))
    found = await desk.does(desk.statement.compare_statement, request)
    past = await compares(desk)

    assert (found.unexplained, past.unexplained) == ((), ())
    assert found.lines == 11
    assert past.lines == 10


async def test_before_a_days_first_trade_the_brokers_today_is_still_the_day_before_and_is_not_asked(desk: Desk) -> None:
    await trades(desk)
    after_midnight = datetime.combine(TODAY + timedelta(days=1), time(0, 5), KST)
    desk.simulation.move_clock(after_midnight)
    shown = await desk.broker.profit_today(Lane.RESOLVE)
    assert shown is not None
    assert shown.realised == desk.broker_account.cash - desk.broker_account.opening_cash != 0

    request = StatementRequest(ACCOUNT, SessionDate(after_midnight.date()))
    begun = await desk.does(desk.statement.compare_statement, request)
    past = await compares(desk)

    assert begun == StatementCompared(lines=5, differing=0)
    assert past == StatementCompared(lines=10, differing=0)


async def test_a_broker_that_does_not_answer_holds_nothing_up_and_is_asked_again_later(desk: Desk) -> None:
    await trades(desk)
    desk.simulation.add_fault(kind="http_error", path="inquire-period-profit", count=0)

    away = await compares(desk)
    desk.simulation.clear_faults()
    back = await compares(desk)

    assert away.untold.startswith("the broker has not answered")
    assert back == StatementCompared(lines=11, differing=0)
    assert (await kept(desk)).untold == ""
