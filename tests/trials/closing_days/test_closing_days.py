"""A few of the days of ``make closings``, and days with a planted fault: the judge detects each of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

import domain.costs
from domain.costs import CostRates, Costs
from domain.event_kind import EventKind
from domain.market import Market, Side, Symbol
from domain.money import Price, Quantity, Won
from domain.tick_size import PriceGrid
from simulator.hardships import Hardship
from tests.support.stepping import CALENDAR, kst
from tests.trials.clockwork.town import Town, a_town
from tests.trials.closing_days.__main__ import main
from tests.trials.closing_days.buyers import Look, Place
from tests.trials.closing_days.hands import verdict_on
from tests.trials.closing_days.judge import Ending, judged
from tests.trials.closing_days.plan import LIKELY, DayPlan, Happening, Hard, Trouble, plan_of
from tests.trials.closing_days.playing import PlayedDay, play
from tests.trials.closing_days.table import table
from tests.trials.planted_bugs.swapping import swapped
from verifier.books import Books, BrokerFill

STOCK: Final = Symbol("034020")
SAMPLE: Final = (2, 7, 14)
"""Few seeds with many kinds of trouble between them; `make closings` plays hundreds."""
AFTERNOON: Final = kst("2026-11-23 14:40")
SEVEN_AT_NIGHT: Final = kst("2026-11-23 19:00")
FIVE_PAST_NINE: Final = kst("2026-11-24 09:05")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    async with a_town(database_url) as town:
        yield town


def a_day(*happenings: Happening) -> DayPlan:
    """Return the plan of one worker with one stock."""
    session = CALENDAR.session_at_or_after(AFTERNOON)
    return DayPlan(
        seed=0,
        session=session,
        tomorrow=CALENDAR.session_at_or_after(session.ends_at),
        starts_at=AFTERNOON,
        workers=1,
        symbols=(STOCK,),
        drifts=(0.0,),
        capital=Won(1_000_000),
        after_market=False,
        happenings=happenings,
    )


@pytest.mark.parametrize("seed", SAMPLE)
async def test_the_end_of_a_seeded_day(town: Town, seed: int) -> None:
    verdict = await verdict_on(town, seed)

    assert verdict.complaints == ()
    assert verdict.positions > 0
    assert verdict.difference == 0


def test_a_seed_draws_the_same_day_each_time_and_another_seed_another() -> None:
    assert plan_of(7) == plan_of(7)
    assert len({plan_of(seed).happenings for seed in range(1, 40)}) > 30
    assert {kind for seed in range(1, 200) for kind in plan_of(seed).kinds} == {*Trouble, *LIKELY}


async def test_what_could_not_be_sold_is_carried_by_name_and_sold_first_thing(town: Town) -> None:
    day = await play(town, a_day(Happening(Trouble.HALT, kst("2026-11-23 15:11"), FIVE_PAST_NINE, STOCK)))

    verdict = judged(day)

    assert (verdict.ending, verdict.carried, verdict.complaints) == (Ending.CARRIED, (STOCK,), ())
    assert day.morning is not None
    assert not day.morning.broker.holdings
    for make_wrong, complaint in WRONG_DAYS.items():
        found = judged(make_wrong(day))
        assert found.ending is Ending.WRONG
        assert any(complaint in each for each in found.complaints), (complaint, found.complaints)


async def test_a_day_without_trouble_is_flat_to_the_won(town: Town) -> None:
    day = await play(town, a_day())

    verdict = judged(day)

    assert (verdict.ending, verdict.positions, verdict.difference, verdict.complaints) == (Ending.FLAT, 1, 0, ())
    assert "| nothing | 1 | 1 | 1 |" in table([replace(verdict, seed=_seed_without_trouble())])
    flat = replace(day, outcome=replace(day.outcome, flat=False))
    assert any("the close says not flat" in each for each in judged(flat).complaints)


async def test_odd_rows_of_other_stocks_in_every_list_keep_no_share_from_being_sold(town: Town) -> None:
    odd = Happening(Trouble.ODD_ROWS, kst("2026-11-23 15:00"), kst("2026-11-23 16:10"), STOCK)

    verdict = judged(await play(town, a_day(odd)))

    assert (verdict.ending, verdict.positions, verdict.difference, verdict.complaints) == (Ending.FLAT, 1, 0, ())


async def test_foreign_rows_in_every_list_keep_no_worker_from_buying(town: Town) -> None:
    day = a_day()
    rows = Hard(Hardship.FOREIGN_ROWS, day.session.opens_at, day.tomorrow.opens_at, 1.0)

    verdict = judged(await play(town, replace(day, hardships=(rows,))))

    assert (verdict.ending, verdict.positions, verdict.difference, verdict.complaints) == (Ending.FLAT, 1, 0, ())


async def test_one_order_of_the_owner_sells_his_shares_and_some_of_ours(town: Town) -> None:
    buys = Happening(Trouble.OWNER_BESIDE, kst("2026-11-23 14:50"), kst("2026-11-23 14:50"), STOCK)
    sells = Happening(Trouble.OWNER_SELLS_OURS, kst("2026-11-23 14:55"), kst("2026-11-23 14:55"), STOCK)

    day = await play(town, a_day(buys, sells))

    verdict = judged(day)
    by_hand = [row.filled for row in day.books.broker.orders if row.by_hand]
    assert by_hand[0] < by_hand[1]
    assert (verdict.ending, verdict.difference, verdict.complaints) == (Ending.FLAT, 0, ())


@pytest.mark.parametrize(
    "carried", [pytest.param(False, id="sold"), pytest.param(True, id="carried", marks=pytest.mark.slow)]
)
async def test_what_the_owner_buys_after_he_sold_some_of_ours_is_left_to_him(town: Town, carried: bool) -> None:
    sells = Happening(Trouble.OWNER_SELLS_OURS, kst("2026-11-23 14:55"), kst("2026-11-23 14:55"), STOCK)
    buys = Happening(Trouble.OWNER_BESIDE, kst("2026-11-23 15:05"), kst("2026-11-23 15:05"), STOCK)
    halt = Happening(Trouble.HALT, kst("2026-11-23 15:11"), FIVE_PAST_NINE, STOCK)

    day = await play(town, a_day(sells, buys, halt) if carried else a_day(sells, buys))

    verdict = judged(day)
    assert (verdict.ending, verdict.difference, verdict.complaints) == (
        Ending.CARRIED if carried else Ending.FLAT,
        0,
        (),
    )
    assert day.sessions[-1].broker.holdings == {STOCK: 7}


def _seed_without_trouble() -> int:
    return next(seed for seed in range(1, 20_000) if not plan_of(seed).kinds)


def _with_buyers(place: Place, at: str, lasting: timedelta) -> Callable[[PlayedDay], PlayedDay]:
    """Add unserved bidders to the book."""

    def change(day: PlayedDay) -> PlayedDay:
        looks = (Look(kst(at), STOCK, place, Quantity(5)), Look(kst(at) + lasting, STOCK, place, Quantity(9)))
        rest = (each for each in day.looks if not looks[0].at <= each.at <= looks[1].at)
        return replace(day, looks=tuple(sorted((*rest, *looks), key=lambda each: each.at)))

    return change


def _sold_twice(day: PlayedDay) -> PlayedDay:
    """Let the broker show more shares sold than were bought."""
    morning = day.sessions[-1]
    rows = list(morning.broker.orders)
    place = next(index for index, row in enumerate(rows) if row.side is Side.SELL and row.filled)
    sale = rows[place]
    fills = (*sale.fills, BrokerFill(sale.fills[-1].at, Price(1), sale.filled))
    rows[place] = replace(sale, filled=Quantity(2 * sale.filled), fills=fills)
    return replace(day, morning=replace(morning, broker=replace(morning.broker, orders=tuple(rows))))


def _a_won_is_missing(day: PlayedDay) -> PlayedDay:
    morning = day.sessions[-1]
    broker = morning.broker
    return replace(day, morning=replace(morning, broker=replace(broker, cash=Won(broker.cash - 1))))


def _no_event_names_it(day: PlayedDay) -> PlayedDay:
    ledger = day.books.ledger
    events = tuple(each for each in ledger.events if each.event.kind != "position_carried_overnight")
    return replace(day, books=replace(day.books, ledger=replace(ledger, events=events)))


def _the_alert_is_missing(day: PlayedDay) -> PlayedDay:
    ledger = day.books.ledger
    events = tuple(each for each in ledger.events if each.event.kind != EventKind.POSITION_UNSOLD_AT_CLOSE)
    return replace(day, books=replace(day.books, ledger=replace(ledger, events=events)))


def _sold_late(day: PlayedDay) -> PlayedDay:
    """Let the next morning's first order come a quarter of an hour after the open."""

    def later(books: Books) -> Books:
        orders = list(books.ledger.orders)
        intent = orders[0].record.intent
        late = replace(intent, decided_at=intent.decided_at + timedelta(minutes=15))
        orders[0] = replace(orders[0], record=replace(orders[0].record, intent=late))
        return replace(books, ledger=replace(books.ledger, orders=tuple(orders)))

    return replace(day, morning=later(day.sessions[-1]))


def _still_held_next_morning(day: PlayedDay) -> PlayedDay:
    return replace(day, morning=day.books)


WRONG_DAYS: Final[dict[Callable[[PlayedDay], PlayedDay], str]] = {
    _with_buyers(Place.SESSION, "2026-11-23 15:17:00", timedelta(seconds=70)): "is carried though 5 were wanted",
    _with_buyers(Place.AUCTION, "2026-11-23 15:30:00", timedelta(0)): "in the closing auction",
    _with_buyers(Place.AT_THE_CLOSE, "2026-11-23 15:44:00", timedelta(minutes=5)): "in the post-close",
    _sold_twice: "bought, ",
    _a_won_is_missing: "-1 won without a reason in the morning",
    _no_event_names_it: "nothing names them",
    _the_alert_is_missing: "left by the session without an alert",
    _sold_late: "after the open",
    _still_held_next_morning: "are not sold next morning",
}


def test_the_program_refuses_nonsense() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--count", "0"])
    assert ended.value.code == 2


def seven_times_the_commission() -> AbstractContextManager[None]:
    right = domain.costs.day_costs

    def wrong(side: Side, amount: Won, market: Market, rates: CostRates) -> Costs:
        return right(side, amount, market, replace(rates, commission=rates.commission * 7))

    return swapped(domain.costs, "day_costs", wrong)


def a_tick_of_one_won() -> AbstractContextManager[None]:
    return swapped(PriceGrid, "tick_at", lambda *_: 1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [(seven_times_the_commission, "costs that are not the broker's"), (a_tick_of_one_won, "off the price grid")],
)
async def test_a_wrong_rule_of_the_ledger_is_found_by_the_simulators_own(
    town: Town, mistake: Callable[[], AbstractContextManager[None]], complaint: str
) -> None:
    with mistake():
        day = await play(town, a_day())

    verdict = judged(day)
    assert verdict.ending is Ending.WRONG
    assert any(complaint in each for each in verdict.complaints), verdict.complaints
