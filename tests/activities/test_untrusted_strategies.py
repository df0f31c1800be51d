"""A strategy may raise, hang, spin or return nonsense: price and time exits still sell, other strategies still buy."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from activities.entries import NoEntry, PreparedEntry
from activities.support.bounded_calls import BoundedCalls
from activities.support.strategy_guard import StrategyGuard
from domain.event import Event
from domain.event_kind import EventKind
from domain.exits import ExitSignal
from domain.market import MarketView, Symbol
from domain.position import ExitReason, OpenPosition
from domain.rules import ScreeningRules, StrategyRules, UniverseRules
from domain.screening import ScreeningFilter
from domain.strategy import EntrySignal, Strategy
from fleet.troubles import read_troubles
from strategies import KNOWN_STRATEGIES
from tests.activities.desk import PLAN, Desk, Eager, a_candidate
from tests.support.builders import HYNIX, SAMSUNG, a_stock, a_view, an_open_position
from tests.support.stepping import ACCOUNT, RULES

QUICK = 0.3
"""Maximum seconds of a call in these tests."""


def a_fault(*_: Any) -> Any:
    raise ValueError("no such\x00column")


def a_spin(*_: Any) -> Any:
    while True:
        pass


@dataclass
class Wait:
    """A call that blocks inside the operating system, where no interrupt reaches it, until the test releases it."""

    let_go: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def __call__(self, *_: Any) -> Any:
        self.calls += 1
        self.let_go.wait()


@dataclass(frozen=True)
class Odd:
    """Strategy whose answers the test chooses; by default it is eager."""

    name: str = "odd"
    version: str = "1"
    entry_is: Callable[..., Any] = lambda _view: EntrySignal("odd", "1", Decimal("0.9"), "odd")
    wants_out_is: Callable[..., Any] = lambda: False
    parameters_are: Callable[..., Any] = dict

    def parameters(self, rules: StrategyRules) -> Any:
        return self.parameters_are()

    def entry(self, view: MarketView, rules: StrategyRules) -> Any:
        return self.entry_is(view)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> Any:
        return self.wants_out_is()


def take_in(desk: Desk, odd: Odd, calls: BoundedCalls | None = None) -> None:
    """Register a strategy in the process, with short time limits."""
    known: dict[str, Strategy] = {**KNOWN_STRATEGIES, "eager": Eager(), "odd": odd}
    desk.strategies = {"odd": odd}
    desk.rebuild()
    desk.guard = StrategyGuard(desk.database, desk.pace, known, calls=calls or BoundedCalls(QUICK))
    desk.market_data.screening._guard = desk.watching._guard = desk.entries._guard = desk.guard
    desk.entries._last_look._guard = desk.guard


def scanning(*names: str) -> dict[str, Any]:
    return {
        "strategy": replace(RULES.strategy, names=names),
        "universe": UniverseRules(0, (SAMSUNG, HYNIX)),
        "screening": ScreeningRules(),
    }


async def failures(desk: Desk) -> list[Event]:
    latest = await desk.database.events.latest(ACCOUNT, 50)
    return [event for event in latest if event.kind == EventKind.STRATEGY_FAILED]


async def held_by_odd(desk: Desk, odd: Odd) -> PreparedEntry:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    take_in(desk, odd)
    await desk.registers()
    candidate = replace(a_candidate(), strategy="odd")
    request = replace(desk.entry_request(), candidates=(candidate,))
    entry = await desk.does(desk.entries.prepare_entry, request)
    assert isinstance(entry, PreparedEntry), entry
    await desk.submits(entry)
    await desk.follows(entry.intent_id)
    return entry


@pytest.mark.parametrize(
    "wrong", [a_fault, a_spin, Wait(), lambda: "yes", lambda: None], ids=["fault", "spin", "hang", "text", "nothing"]
)
async def test_whatever_a_strategy_does_while_holding_the_stop_loss_fires(
    desk: Desk, wrong: Callable[..., Any]
) -> None:
    entry = await held_by_odd(desk, Odd(wants_out_is=wrong))
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])

    signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    if isinstance(wrong, Wait):
        wrong.let_go.set()


async def test_a_process_without_a_thread_to_spare_still_watches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = await held_by_odd(desk, Odd())

    async def no_thread(*_: Any) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(desk.guard._calls, "outcomes", no_thread)
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])

    signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS


async def test_a_stop_loss_waits_for_no_strategy(desk: Desk) -> None:
    """The strategy never answers within its minute: the price alone decides."""
    wait = Wait()
    entry = await held_by_odd(desk, Odd(wants_out_is=wait))
    desk.guard._calls.longest = 60.0
    desk.pace.meanwhile.extend([lambda: None, lambda: None, lambda: desk.price_moves(-0.04)])

    async with asyncio.timeout(30):
        signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    assert desk.pace.pauses <= 4
    assert wait.calls == 1
    wait.let_go.set()


async def test_a_strategy_that_answers_late_is_heard_at_a_later_look(desk: Desk) -> None:
    gate = threading.Event()
    entry = await held_by_odd(desk, Odd(wants_out_is=lambda: gate.wait() or True))
    desk.guard._calls.longest = 60.0

    async def answered() -> None:
        gate.set()
        await asyncio.gather(*desk.guard._asking)

    desk.pace.meanwhile.extend([lambda: None, answered])

    signal: ExitSignal = await desk.watches(entry)

    assert (signal.reason, desk.pace.pauses) == (ExitReason.STRATEGY, 2)


async def test_a_failing_strategy_is_reported_once_an_hour_and_shown(desk: Desk) -> None:
    entry = await held_by_odd(desk, Odd(wants_out_is=a_fault))
    desk.pace.meanwhile.extend([lambda: None] * 5 + [lambda: desk.price_moves(-0.04)])

    await desk.watches(entry)

    (event,) = await failures(desk)
    assert (event.symbol, event.level) == (SAMSUNG, "error")
    assert event.detail == {"strategy": "odd", "cause": "odd.wants_out raised ValueError: no such column"}
    shown = await read_troubles(desk.database.events, ACCOUNT, PLAN.session.date, desk.pace.now())
    assert shown == ("STRATEGY FAILED: odd.wants_out raised ValueError: no such column (005930)",)


async def test_a_position_of_a_strategy_that_is_gone_is_still_watched(desk: Desk) -> None:
    entry = await held_by_odd(desk, Odd())
    desk.guard = StrategyGuard(desk.database, desk.pace)
    desk.watching._guard = desk.guard
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    assert (await desk.watches(entry)).reason is ExitReason.STOP_LOSS
    (event,) = await failures(desk)
    assert event.detail["cause"] == "odd is not known to this program"


@pytest.mark.parametrize(
    "wrong",
    [
        a_fault,
        lambda _: (_ for _ in ()).throw(SystemExit("bye")),
        lambda _: "buy",
        lambda _: EntrySignal("odd", "1", 0.5, "a float"),  # type: ignore[arg-type]
        lambda _: EntrySignal("odd", "1", Decimal("NaN"), "not a number"),
        lambda _: EntrySignal("odd", "1", Decimal("1.7"), "too sure"),
        lambda _: EntrySignal("momentum", "1", Decimal("0.5"), "in another's name"),
        lambda _: EntrySignal("odd", "1", Decimal("0.5"), "a zero \x00"),
    ],
)
async def test_what_a_strategy_does_wrong_in_a_scan_costs_it_alone(desk: Desk, wrong: Callable[..., Any]) -> None:
    take_in(desk, Odd(entry_is=wrong))

    alone = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd")))
    beside = await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd", "eager")))

    assert (alone.candidates, alone.dropped) == ((), {ScreeningFilter.STRATEGY_FAILED: 2})
    assert {candidate.strategy for candidate in beside.candidates} == {"eager"}
    assert {candidate.symbol for candidate in beside.candidates} == {SAMSUNG, HYNIX}
    assert {event.symbol for event in await failures(desk)} == {SAMSUNG, HYNIX}


async def test_a_strategy_that_hangs_over_one_stock_goes_on_with_the_others(desk: Desk) -> None:
    wait = Wait()

    def entry(view: MarketView) -> EntrySignal | None:
        if view.quote.symbol == SAMSUNG:
            wait()
        return EntrySignal("odd", "1", Decimal("0.9"), "odd")

    take_in(desk, Odd(entry_is=entry))
    reports = [await desk.does(desk.market_data.scan, desk.scan_request(**scanning("odd"))) for _ in range(3)]

    assert [[each.symbol for each in report.candidates] for report in reports] == [[HYNIX]] * 3
    assert wait.calls == 1, "it is not asked about that stock again for a while"
    (event,) = await failures(desk)
    assert event.detail["cause"] == f"odd.entry took longer than {QUICK} s"
    wait.let_go.set()


async def test_a_strategy_that_hangs_everywhere_holds_three_threads_and_no_more(desk: Desk) -> None:
    wait = Wait()
    guard = StrategyGuard(desk.database, desk.pace, {"odd": Odd(entry_is=wait), "eager": Eager()}, calls=quick())
    stocks = [a_stock(replace(a_stock().view.quote, symbol=Symbol(f"{number:06d}"))) for number in range(10)]
    rules = replace(RULES, strategy=replace(RULES.strategy, names=("odd", "eager")))

    judged = [await guard.judged(stocks, rules, ACCOUNT) for _ in range(2)][-1]

    assert wait.calls == 3
    assert all(stock.signal is not None and stock.signal.strategy == "eager" for stock in judged)
    wait.let_go.set()


def quick() -> BoundedCalls:
    return BoundedCalls(0.1)


async def test_the_loop_turns_while_a_strategy_spins_and_the_spinning_thread_ends() -> None:
    turns, calls = 0, BoundedCalls(QUICK)

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    first, second = await calls.outcomes([lambda: 1, a_spin, lambda: 3])
    turning.cancel()

    assert (first.value, second.value) == (1, None)
    assert second.overdue is not None
    assert turns >= 5
    await asyncio.to_thread(second.overdue.join, 30)
    assert not second.overdue.is_alive()


async def test_calls_that_end_in_time_share_a_thread() -> None:
    calls = BoundedCalls()
    seen = [(await calls.outcomes([threading.get_ident]))[0].value for _ in range(20)]

    assert set(seen) == {seen[0]}
    assert seen[0] != threading.get_ident()


async def test_a_call_costs_the_watch_less_than_a_tenth_of_its_interval(desk: Desk) -> None:
    guard, position = StrategyGuard(desk.database, desk.pace), an_open_position()
    began, number = time.perf_counter(), 200

    for _ in range(number):
        await guard.wants_out(a_view(), position, RULES.strategy)

    assert (time.perf_counter() - began) / number < 0.05


async def test_parameters_that_cannot_be_written_keep_the_stock_from_being_bought(desk: Desk) -> None:
    take_in(desk, Odd(parameters_are=a_fault))
    await desk.registers()
    odd, eager = replace(a_candidate(), strategy="odd"), a_candidate(HYNIX)

    alone = await desk.does(desk.entries.prepare_entry, replace(desk.entry_request(), candidates=(odd,)))
    beside = await desk.does(desk.entries.prepare_entry, replace(desk.entry_request(), candidates=(odd, eager)))

    assert alone == NoEntry((f"{SAMSUNG}: no valid parameters from odd",))
    assert isinstance(beside, PreparedEntry)
    assert beside.symbol == HYNIX


async def test_a_custom_filter_that_fails_costs_the_stocks_it_fails_on(desk: Desk) -> None:
    def odd(stock: Any) -> bool:
        return True if stock.view.quote.symbol == HYNIX else a_fault()

    guard = StrategyGuard(desk.database, desk.pace, {"eager": Eager()}, {"odd": odd}, quick())
    desk.market_data.screening._guard = guard
    rules = scanning("eager") | {"screening": ScreeningRules(custom_filters=("odd",))}

    report = await desk.does(desk.market_data.scan, desk.scan_request(**rules))

    assert [candidate.symbol for candidate in report.candidates] == [HYNIX]
    assert report.dropped == {ScreeningFilter.STRATEGY_FAILED: 1}
    (event,) = await failures(desk)
    assert event.detail["cause"] == "filter odd raised ValueError: no such column"


async def test_the_first_custom_filter_that_refuses_is_named(desk: Desk) -> None:
    first, second = a_stock(replace(a_stock().view.quote, symbol=HYNIX)), a_stock()
    filters = {"any": lambda _: True, "odd": lambda stock: stock.view.quote.symbol == SAMSUNG, "never": lambda _: False}
    guard = StrategyGuard(desk.database, desk.pace, {"eager": Eager()}, filters)
    rules = replace(RULES, screening=ScreeningRules(custom_filters=tuple(filters)))

    judged = await guard.judged([first, second], rules, ACCOUNT)

    assert [stock.refused_by for stock in judged] == ["odd", "never"]
    assert [stock.signal for stock in judged] == [None, None]
