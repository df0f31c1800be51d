"""Limits survive a restart: they are computed from the trades in the transaction that sends an order."""

import asyncio
from datetime import timedelta

import pytest

from database.sending import Sending, SendingRefused
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.money import Price, Rate, Won
from domain.risk import Denial, review
from domain.rules import ExitRules, RiskRules
from tests.database.books import HTTP_TIMEOUT, Books, an_opening
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER, a_plan, a_proposal


async def _review_after(books: Books, rules: RiskRules, *prices: int) -> Sending:
    """Close trades of ten shares bought at 70,000 won, then request one more buy under these rules."""
    for minute, price in enumerate(prices):
        await books.traded(sold_at=price, closed_at=NOW - timedelta(minutes=10 - minute))
    buy = books.a_buy(await books.locked())
    await books.decided(buy)
    return await books.database.orders.begin_sending(
        buy.intent_id,
        review=lambda snapshot: review(a_proposal(), snapshot, rules, a_plan()),
        http_timeout=HTTP_TIMEOUT,
        environment=Environment.SIMULATED,
    )


async def test_profit_that_was_given_back_stops_the_next_buy_as_it_is_sent(books: Books) -> None:
    rules = RiskRules(give_back_from=Won(30_000), cooldown_after_loss=timedelta(0))

    refused = await _review_after(books, rules, 73_000, 68_500)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.PROFIT_GIVEN_BACK
    assert refused.detail == "the day's profit fell from 30,000 to 15,000 won, at or below 15,000"


async def test_profit_that_is_mostly_kept_stops_nothing(books: Books) -> None:
    rules = RiskRules(give_back_from=Won(30_000), cooldown_after_loss=timedelta(0))

    assert (await _review_after(books, rules, 73_000, 68_600)).may_send


async def test_a_losing_streak_stops_the_next_buy_as_it_is_sent(books: Books) -> None:
    rules = RiskRules(losses_in_a_row=3)

    refused = await _review_after(books, rules, 69_900, 69_900, 69_900)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.LOSING_STREAK
    assert "3 losses in a row" in refused.detail


async def test_a_gain_ends_the_streak(books: Books) -> None:
    rules = RiskRules(losses_in_a_row=3, cooldown_after_loss=timedelta(0))

    assert (await _review_after(books, rules, 69_900, 69_900, 70_300, 69_900)).may_send


@pytest.mark.parametrize(
    ("rules", "prices", "denial"),
    [
        (RiskRules(fleet_daily_loss=Won(10_000)), (69_000,), Denial.FLEET_LOSS_LIMIT_REACHED),
        (RiskRules(worker_daily_loss=Won(10_000)), (69_000,), Denial.WORKER_LOSS_LIMIT_REACHED),
        (RiskRules(trades_per_worker=2), (70_500, 70_500), Denial.TRADE_COUNT_REACHED),
        (RiskRules(cooldown_after_loss=timedelta(minutes=11)), (69_900,), Denial.COOLING_DOWN),
    ],
)
async def test_each_limit_stops_the_next_buy_as_it_is_sent(
    books: Books, rules: RiskRules, prices: tuple[int, ...], denial: Denial
) -> None:
    refused = await _review_after(books, rules, *prices)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is denial


@pytest.mark.parametrize(
    ("rules", "prices"),
    [
        (RiskRules(fleet_daily_loss=Won(31_000), cooldown_after_loss=timedelta(0)), (69_000,)),
        (RiskRules(worker_daily_loss=Won(10_001), cooldown_after_loss=timedelta(0)), (69_000,)),
        (RiskRules(trades_per_worker=3), (70_500, 70_500)),
        (RiskRules(cooldown_after_loss=timedelta(minutes=10)), (69_900,)),
    ],
)
async def test_just_within_a_limit_the_next_buy_is_sent(
    books: Books, rules: RiskRules, prices: tuple[int, ...]
) -> None:
    assert (await _review_after(books, rules, *prices)).may_send


async def test_a_kill_switch_pressed_after_the_decision_stops_the_buy_as_it_is_sent(books: Books) -> None:
    await books.database.risk.press_kill_switch(ACCOUNT, "operator", "drill")

    refused = await _review_after(books, RiskRules())

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.KILL_SWITCH_ON


async def _buy(books: Books, worker: int, symbol: Symbol, limit: int, **rules: object) -> Sending:
    """Decide a buy of ten shares at 70,000 won (21,000 won at stake at a stop of 3 %), then request its permit."""
    buy = books.a_buy(await books.locked(WorkerId(f"worker-{worker}"), symbol))
    await books.database.orders.record_entry(buy, an_opening(buy, exit_rules=ExitRules(**rules)))  # type: ignore[arg-type]
    return await books.database.orders.begin_sending(
        buy.intent_id,
        review=lambda snapshot: review(
            a_proposal(symbol=symbol), snapshot, RiskRules(fleet_daily_loss=Won(limit)), a_plan()
        ),
        http_timeout=HTTP_TIMEOUT,
        environment=Environment.SIMULATED,
    )


async def test_what_open_positions_lose_at_their_stops_counts_against_the_fleets_limit(books: Books) -> None:
    await books.held(WorkerId("worker-1"), SAMSUNG)

    assert (await _buy(books, 2, HYNIX, 42_000)).may_send
    refused = await _buy(books, 3, Symbol("035720"), 62_999)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.OPEN_RISK_EXCEEDED
    assert "a loss of 63,000 won if every open position reaches its stop" in refused.detail


async def test_a_price_below_the_stop_is_at_stake_down_to_the_price(books: Books) -> None:
    held = await books.held(WorkerId("worker-1"), SAMSUNG)
    position_id = held.intent.position_id
    await books.database.positions.mark(position_id, Price(65_000), Price(70_000), NOW)

    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)

    assert snapshot.fleet_at_stake == 50_000


async def test_a_position_without_a_stop_stakes_the_daily_price_limit(books: Books) -> None:
    await _buy(books, 1, SAMSUNG, 10_000_000, stop_loss=Rate("0"))

    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)

    assert snapshot.fleet_at_stake == 210_000


async def test_a_sold_position_stakes_nothing(books: Books) -> None:
    await books.traded(sold_at=69_000)

    assert (await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)).fleet_at_stake == 0


async def test_of_buys_that_are_sent_at_once_only_those_within_the_limit_leave(books: Books) -> None:
    symbols = [Symbol(f"{number:06d}") for number in range(100, 112)]

    sent = await asyncio.gather(*(_buy(books, n, symbol, 105_000) for n, symbol in enumerate(symbols)))

    assert [each.may_send for each in sent].count(True) == 5
