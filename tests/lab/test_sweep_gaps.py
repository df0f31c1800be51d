"""Each difference between kernel and backtest has its cause; none is left out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.costs import Costs
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Market, Symbol
from domain.money import NO_WON, Price, Quantity, Won
from domain.position import ClosedTrade, ExitReason, StrategyStamp
from lab.recording import Gaps
from lab.results import DayResult
from lab.sweep.gaps import Cause, compare, summed
from lab.sweep.trades import KernelTrade, PlayedVariant
from tests.lab.recorded_days import CALENDAR, DAYS

SESSION = CALENDAR.session_on(DAYS[0])
assert SESSION is not None
STOCK, OTHER = Symbol("005930"), Symbol("000660")


def ours(symbol: Symbol = STOCK, second: int = 600, **changes: Any) -> KernelTrade:
    trade = KernelTrade(
        worker=1,
        symbol=symbol,
        market=Market.KOSPI,
        quantity=10,
        entry_amount=100_000,
        exit_amount=101_000,
        entry_costs=Costs(Won(10)),
        exit_costs=Costs(Won(10), Won(150)),
        decided_at=second,
        opened_at=second,
        sold_because=ExitReason.TAKE_PROFIT,
        sold_at=second + 300,
        closed_at=second + 300,
    )
    return replace(trade, **changes)


def theirs(trade: KernelTrade, **changes: Any) -> ClosedTrade:
    assert SESSION is not None
    closed = ClosedTrade(
        position_id=PositionId("p"),
        account_id=AccountId("a"),
        worker_id=WorkerId("worker-1"),
        session_date=SESSION.date,
        symbol=trade.symbol,
        name=trade.symbol,
        market=trade.market,
        quantity=Quantity(trade.quantity),
        entry_amount=Won(trade.entry_amount),
        exit_amount=Won(trade.exit_amount),
        entry_costs=trade.entry_costs,
        exit_costs=trade.exit_costs,
        opened_at=SESSION.opens_at + timedelta(seconds=trade.opened_at),
        closed_at=SESSION.opens_at + timedelta(seconds=trade.closed_at),
        exit_reason=trade.sold_because,
        strategy=StrategyStamp("s", "1"),
        entry_decision_price=Price(10_000),
        exit_decision_price=Price(10_100),
    )
    return replace(closed, **changes)


def a_day(*trades: ClosedTrade, **changes: Any) -> DayResult:
    assert SESSION is not None
    return replace(DayResult(SESSION.date, "", Gaps(), trades), **changes)


def causes(here: list[KernelTrade], there: DayResult, **played: Any) -> list[Cause]:
    assert SESSION is not None
    return [gap.cause for gap in compare(SESSION, PlayedVariant(here, **played), there).gaps]


def test_equal_trades_have_no_gap() -> None:
    assert SESSION is not None
    found = compare(SESSION, PlayedVariant([ours(), ours(OTHER)]), a_day(theirs(ours()), theirs(ours(OTHER))))

    assert (found.equal, found.agreed, found.gaps) == (2, 2, ())
    assert found.kernel_net == found.backtest_net == 2 * 830


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"closed_at": SESSION.opens_at + timedelta(seconds=901)}, Cause.LATER),
        ({"quantity": Quantity(9)}, Cause.SIZE),
        ({"exit_amount": Won(100_900)}, Cause.FILL),
        ({"exit_costs": Costs(NO_WON, Won(150))}, Cause.COSTS),
        ({"exit_reason": ExitReason.STOP_LOSS}, Cause.REASON),
    ],
)
def test_a_changed_trade_names_what_differs(changes: dict[str, Any], cause: Cause) -> None:
    assert SESSION is not None
    found = compare(SESSION, PlayedVariant([ours()]), a_day(theirs(ours(), **changes)))

    assert [gap.cause for gap in found.gaps] == [cause]
    assert found.agreed == (cause is not Cause.REASON)
    assert found.gaps[0].won == found.backtest_net - found.kernel_net


def test_a_lost_trade_is_unexplained_unless_an_earlier_difference_explains_it() -> None:
    late = ours(OTHER, 6_000)

    assert causes([ours()], a_day()) == [Cause.UNEXPLAINED]
    assert causes([], a_day(theirs(ours()))) == [Cause.UNEXPLAINED]
    later = a_day(theirs(ours(), exit_reason=ExitReason.STOP_LOSS))
    assert causes([ours(), late], later) == [Cause.REASON, Cause.FOLLOWS]


def test_a_difference_of_fills_does_not_explain_a_lost_trade() -> None:
    filled = a_day(theirs(ours(), exit_costs=Costs(NO_WON, Won(150))))

    assert causes([ours(), ours(OTHER, 6_000)], filled) == [Cause.COSTS, Cause.UNEXPLAINED]


def test_shares_that_were_not_sold_and_unsound_days_are_causes() -> None:
    assert causes([], a_day(theirs(ours())), carried={STOCK: 10}) == [Cause.CARRIED]
    assert causes([ours()], a_day(carried={STOCK: 10})) == [Cause.CARRIED]
    assert causes([ours()], a_day(fault="stuck")) == [Cause.UNSOUND]


def test_the_sums_count_each_trade_once() -> None:
    assert SESSION is not None
    found = compare(SESSION, PlayedVariant([ours(), ours(OTHER, 6_000)]), a_day(theirs(ours())))

    values = summed([found, found])

    assert (values["agreed"], values["of"], values["equal"]) == (2, 4, 2)
    assert values["causes"] == {"unexplained": 2}
