"""The day in one value."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.flatness import Proven
from domain.handling import Group
from domain.identity import PositionId
from domain.money import Price, Quantity
from domain.performance import performance
from domain.position import ClosedTrade, ExitReason, StrategyStamp
from domain.session import SessionDate
from domain.summary import FLEET, DailySummary, DayCounts, Left, result_event, summarise, totals_of
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, a_closed_trade, an_open_position

BREAKOUT = StrategyStamp("volatility_breakout", "1")
TRADES = [
    a_closed_trade(70_000, 71_000, position_id=PositionId("a"), exit_reason=ExitReason.TAKE_PROFIT),
    a_closed_trade(70_000, 69_000, position_id=PositionId("b"), exit_reason=ExitReason.STOP_LOSS, symbol=HYNIX),
    a_closed_trade(
        70_000,
        69_500,
        position_id=PositionId("c"),
        exit_reason=ExitReason.DEADLINE,
        exit_decision_price=Price(69_600),
        strategy=BREAKOUT,
        opened_at=NOW - timedelta(minutes=40),
    ),
]


def net(groups: dict[str, Group]) -> dict[str, int]:
    return {name: group.performance.net for name, group in groups.items()}


def summary_of(trades: list[ClosedTrade]) -> DailySummary:
    return summarise(MONDAY, FLEET, trades, DayCounts({"COOLING_DOWN": 3}, {"thin_volume": 12, "no_signal": 80}))


def test_net_pnl_is_grouped_by_reason_symbol_and_strategy() -> None:
    summary = summary_of(TRADES)

    assert net(summary.by_exit_reason) == {"deadline": -5_000, "stop_loss": -10_000, "take_profit": 10_000}
    assert net(summary.by_symbol) == {HYNIX: -10_000, SAMSUNG: 5_000}
    assert net(summary.by_strategy) == {"momentum": 0, "volatility_breakout": -5_000}
    assert net(summary.by_worker) == {"worker-1": -5_000}


def test_totals_leave_out_the_groups_that_grow_with_the_day() -> None:
    summary = summary_of(TRADES)

    totals = totals_of(summary)

    assert totals == replace(summary, by_symbol={}, by_worker={})
    assert summary.by_symbol
    assert summary.by_worker


def test_the_result_is_an_event_with_the_money_and_what_is_held_still() -> None:
    fleet = summary_of(TRADES)
    proof = Proven(MONDAY, flat=False, open_orders=2, at=NOW)
    left = Left(
        [an_open_position(1_200), an_open_position(3, symbol=HYNIX, name="SK hynix")],
        {SAMSUNG: Quantity(2_000), HYNIX: Quantity(1)},
        {HYNIX: Quantity(4)},
        proof,
    )

    event = result_event(ACCOUNT, fleet, left, NOW)

    done = fleet.performance
    assert (event.account_id, event.kind, event.level) == (ACCOUNT, EventKind.DAY_SUMMED_UP, EventLevel.INFO)
    assert (event.at, event.session_date, event.symbol) == (NOW, MONDAY, None)
    assert event.detail == {
        "trades": 3,
        "wins": 1,
        "losses": 2,
        "gross": done.gross,
        "costs": done.commission + done.tax,
        "net": -5_000,
        "carried": "005930 Samsung Electronics ×1,200, 000660 SK hynix ×3",
        "unexplained": "000660 ×4",
        "owners": "000660 ×1, 005930 ×2,000",
        "open_orders": 2,
        "proven": 1,
        "flat": 0,
    }


def test_without_a_proof_the_result_says_so() -> None:
    detail = result_event(ACCOUNT, summary_of(TRADES), Left(), NOW).detail

    assert (detail["proven"], detail["flat"], detail["open_orders"]) == (0, 0, 0)
    assert (detail["carried"], detail["unexplained"], detail["owners"]) == ("", "", "")


def test_an_equal_result_has_the_same_key_and_another_one_another() -> None:
    fleet, flat = summary_of(TRADES), Proven(MONDAY, flat=True, open_orders=0, at=NOW)
    results = [
        (fleet, Left()),
        (summary_of(TRADES[:2]), Left()),
        (replace(fleet, session_date=SessionDate(MONDAY + timedelta(days=1))), Left()),
        (fleet, Left(proof=flat)),
        (fleet, Left(proof=replace(flat, flat=False))),
        (fleet, Left(proof=replace(flat, open_orders=1))),
        (fleet, Left([an_open_position()])),
        (fleet, Left(owners={SAMSUNG: Quantity(1)})),
        (fleet, Left(unexplained={SAMSUNG: Quantity(1)})),
    ]

    keys = [result_event(ACCOUNT, summary, left, NOW).key for summary, left in results]

    assert result_event(ACCOUNT, fleet, Left(), NOW + timedelta(hours=1)).key == keys[0]
    assert keys[0] == f"day_summed_up/{ACCOUNT}/2026-11-23/3/-5000////0/0/0"
    assert len(set(keys)) == len(results)


def test_a_group_has_the_figures_of_its_trades_alone() -> None:
    momentum = summary_of(TRADES).by_strategy["momentum"]

    assert momentum.performance == performance(TRADES[:2])
    assert momentum.handling.average_holding_seconds == 10 * 60


def test_each_look_is_dropped_once_or_passes_on() -> None:
    counts = DayCounts(
        dropped={"thin_volume": 12, "locked": 3, "no_signal": 80, "my_own": 5, "custom": 5}, looked_at=102
    )

    passed = summarise(MONDAY, FLEET, [], counts).passed

    assert list(passed)[-1] == "no_signal"
    assert (passed["price_range"], passed["thin_volume"], passed["run_up"]) == (102, 90, 90)
    assert (passed["locked"], passed["custom"], passed["no_signal"]) == (87, 82, 2)


def test_the_performance_is_that_of_the_same_trades() -> None:
    assert summary_of(TRADES).performance == performance(TRADES)


def test_only_forced_exits_cost_forced_liquidation() -> None:
    chosen = a_closed_trade(70_000, 70_900, exit_decision_price=Price(71_000))
    killed = a_closed_trade(70_000, 69_900, exit_decision_price=Price(70_000), exit_reason=ExitReason.KILL_SWITCH)

    summary = summary_of([*TRADES, chosen, killed])

    assert summary.handling.forced_liquidation_cost == 1_000 + 1_000
    assert summary.handling.slippage == 1_000 + 1_000 + 1_000


def test_the_average_holding_is_in_whole_seconds() -> None:
    assert summary_of(TRADES).handling.average_holding_seconds == 20 * 60


def test_an_exit_that_lost_a_percent_on_its_way_met_poor_liquidity() -> None:
    thin = a_closed_trade(70_000, 69_300, exit_decision_price=Price(70_000), symbol=HYNIX)
    fair = a_closed_trade(70_000, 69_301, exit_decision_price=Price(70_000))

    summary = summary_of([thin, fair])

    assert summary.poor_liquidity
    assert summary.poor_symbols == (HYNIX,)


def test_a_fair_day_met_no_poor_liquidity() -> None:
    assert not summary_of(TRADES).poor_liquidity
    assert summary_of(TRADES).poor_symbols == ()


def test_a_trade_of_no_shares_met_no_market_at_all() -> None:
    assert not summary_of([a_closed_trade(quantity=0)]).poor_liquidity


def test_a_day_without_trades_still_has_a_summary() -> None:
    summary = summary_of([])

    assert summary.handling.average_holding_seconds == 0
    assert summary.denials == {"COOLING_DOWN": 3}
    assert list(summary.dropped) == ["no_signal", "thin_volume"]


@given(st.permutations(TRADES))
def test_recomputing_gives_the_equal_value_and_the_same_text(trades: list[ClosedTrade]) -> None:
    json = TypeAdapter(DailySummary)

    assert summary_of(trades) == summary_of(TRADES)
    assert json.dump_json(summary_of(trades)) == json.dump_json(summary_of(TRADES))


def test_a_summary_survives_its_own_json() -> None:
    json = TypeAdapter(DailySummary)
    summary = summary_of(TRADES)

    restored = json.validate_json(json.dump_json(summary))

    assert restored == summary
    assert restored.performance.profit_factor == Decimal("0.6667")


def test_a_sale_of_somebody_else_shows_no_poor_liquidity() -> None:
    given_away = a_closed_trade(70_000, 0, exit_decision_price=Price(71_000), exit_reason=ExitReason.FOREIGN_SALE)

    assert not summary_of([given_away]).poor_liquidity
