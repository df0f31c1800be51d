"""Other code under a strategy's name does not buy or give up a position, and memory without end is bounded."""

import asyncio
import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from activities.entries import PreparedEntry
from activities.support.bounded_calls import BoundedCalls
from activities.support.strategy_guard import StrategyGuard
from activities.support.strategy_standing import StrategyStanding
from domain.exits import ExitSignal
from domain.position import ExitReason
from domain.screening import ScreeningFilter
from domain.strategy import EntrySignal, Strategy
from reporting.sentences import words
from strategies import KNOWN_STRATEGIES
from strategies.admission import admitted
from strategies.momentum import MomentumParameters
from tests.activities.desk import Desk, Eager, a_candidate
from tests.activities.test_untrusted_strategies import Odd, failures, held_by_odd, scanning
from tests.support.builders import HYNIX, SAMSUNG

OURS, THEIRS = "a" * 64, "b" * 64


def stand(desk: Desk, odd: Odd, standing: StrategyStanding) -> None:
    """Give the process a standing, as a new process has it."""
    known: dict[str, Strategy] = {**KNOWN_STRATEGIES, "eager": Eager(), "odd": odd}
    desk.guard = StrategyGuard(desk.database, desk.pace, known, standing=standing)
    desk.market_data.screening._guard = desk.watching._guard = desk.entries._guard = desk.guard
    desk.entries._last_look._guard = desk.guard


async def test_a_position_carries_the_source_that_decided_it(desk: Desk) -> None:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    stand(desk, Odd(), StrategyStanding({"odd": OURS}))
    await desk.registers()

    request = replace(desk.entry_request(), candidates=(replace(a_candidate(), strategy="odd"),))
    entry = await desk.does(desk.entries.prepare_entry, request)
    assert isinstance(entry, PreparedEntry), entry
    await desk.submits(entry)
    await desk.follows(entry.intent_id)

    position = await desk.database.positions.get(entry.position_id)
    assert position is not None
    assert position.strategy.source == OURS


async def test_a_position_of_other_code_is_sold_by_price_and_time_but_not_by_that_code(desk: Desk) -> None:
    asked = threading.Event()

    def wants_out() -> bool:
        asked.set()
        return True

    odd = Odd(wants_out_is=wants_out)
    entry = await held_by_odd(desk, odd)
    await desk.database.positions._pool.execute("UPDATE positions SET strategy_source = $1", THEIRS)
    stand(desk, odd, StrategyStanding({"odd": OURS}))
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])

    signal: ExitSignal = await desk.watches(entry)

    assert (signal.reason, asked.is_set()) == (ExitReason.STOP_LOSS, False)
    (event,) = await failures(desk)
    assert event.detail["cause"] == "odd has changed since the purchase; price and time rules apply"
    assert words("ko").say(str(event.detail["cause"])) != event.detail["cause"]


async def test_a_position_of_the_same_or_of_unknown_code_is_given_up_by_its_strategy(desk: Desk) -> None:
    odd = Odd(wants_out_is=lambda: True)
    entry = await held_by_odd(desk, odd)
    stand(desk, odd, StrategyStanding({"odd": OURS}))  # the position is of an earlier version: its source is empty

    assert (await desk.watches(entry)).reason is ExitReason.STRATEGY


async def test_a_strategy_that_the_hosts_disagree_on_buys_nothing_and_the_others_buy(desk: Desk) -> None:
    why = "odd is missing on host-2; give every host the same strategies and restart it"
    stand(desk, Odd(), StrategyStanding({}, {"odd": why}))

    alone = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd")))
    beside = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd", "eager")))

    assert (alone.candidates, alone.dropped) == ((), {ScreeningFilter.STRATEGY_FAILED: 2})
    assert {candidate.strategy for candidate in beside.candidates} == {"eager"}
    (event,) = await failures(desk)
    assert event.detail["cause"] == why


async def test_a_position_of_a_strategy_that_may_not_buy_is_held_and_sold_as_before(desk: Desk) -> None:
    odd = Odd(wants_out_is=lambda: True)
    entry = await held_by_odd(desk, odd)
    stand(desk, odd, StrategyStanding({"odd": OURS}, {"odd": "odd has no verdict"}))

    assert (await desk.watches(entry)).reason is ExitReason.STRATEGY


async def test_a_call_that_allocates_without_end_is_interrupted_and_its_memory_is_free_again() -> None:
    calls = BoundedCalls(longest=3600, most_memory=64 * 1024 * 1024)

    def hoard() -> None:
        held = []
        while True:
            held.append(b"x" * 1_000_000 + b"y")

    first, second = await calls.outcomes([lambda: 1, hoard, lambda: 3])

    assert (first.value, second.value, second.is_greedy) == (1, None, True)
    assert second.overdue is not None
    await asyncio.to_thread(second.overdue.join, 30)
    assert not second.overdue.is_alive()


async def test_a_strategy_that_allocates_without_end_is_reported_and_costs_only_itself(desk: Desk) -> None:
    def hoard(_: Any) -> Any:
        held = []
        while True:
            held.append(b"x" * 1_000_000 + b"y")

    known: dict[str, Strategy] = {"eager": Eager(), "odd": Odd(entry_is=hoard)}
    calls = BoundedCalls(longest=3600, most_memory=64 * 1024 * 1024)
    desk.market_data.screening._guard = StrategyGuard(desk.database, desk.pace, known, calls=calls)

    report = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd", "eager")))

    assert {candidate.strategy for candidate in report.candidates} == {"eager"}
    assert {event.detail["cause"] for event in await failures(desk)} == {"odd.entry took more than 64 MiB of memory"}


class Ranker:
    """A strategy that likes every stock and whose ranking the test chooses."""

    name = "ranker"
    version = "1"
    Parameters = MomentumParameters
    answer: ClassVar[Any] = None

    def entry(self, view: Any, parameters: Any) -> EntrySignal:
        return EntrySignal(self.name, self.version, Decimal("0.4"), "any")

    def rank(self, views: Any, parameters: Any) -> Any:
        return self.answer(views) if callable(self.answer) else self.answer

    def wants_out(self, view: Any, position: Any, parameters: Any) -> bool:
        return False


async def candidates_of(desk: Desk, answer: Any) -> list[tuple[str, Decimal]]:
    known: dict[str, Strategy] = {"ranker": admitted(type("Ranked", (Ranker,), {"answer": staticmethod(answer)}))}
    desk.market_data.screening._guard = StrategyGuard(desk.database, desk.pace, known)
    report = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("ranker")))
    return [(candidate.symbol, candidate.score) for candidate in report.candidates]


async def test_a_strategy_may_compare_the_stocks_of_a_scan_and_leave_some_out(desk: Desk) -> None:
    both = {HYNIX: Decimal("0.9"), SAMSUNG: Decimal("0.2")}

    assert await candidates_of(desk, lambda _: both) == [(HYNIX, Decimal("0.9")), (SAMSUNG, Decimal("0.2"))]
    assert await candidates_of(desk, lambda views: {SAMSUNG: Decimal(len(views)) / 2}) == [(SAMSUNG, Decimal(1))]
    assert await failures(desk) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: 1 / 0,
        lambda _: None,
        lambda _: {"999999": Decimal("0.5")},
        lambda _: {SAMSUNG: Decimal("NaN")},
        lambda _: {SAMSUNG: 0.5},
    ],
)
async def test_without_a_valid_ranking_the_signals_stand_as_they_are(desk: Desk, answer: Any) -> None:
    found = await candidates_of(desk, answer)

    assert sorted(found) == [(HYNIX, Decimal("0.4")), (SAMSUNG, Decimal("0.4"))]
    (event,) = await failures(desk)
    assert str(event.detail["cause"]).startswith("ranker.rank r")
    assert words("ko").say(str(event.detail["cause"])) != event.detail["cause"]
