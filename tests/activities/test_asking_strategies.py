"""A watch asks a strategy about many held positions in few threads."""

import asyncio
import threading
from dataclasses import dataclass, field, replace

from activities.support.asked_position import AskedPosition
from activities.support.strategy_guard import StrategyGuard
from domain.market import MarketView, Symbol
from domain.position import OpenPosition
from domain.rules import StrategyRules
from tests.activities.desk import Desk, Eager
from tests.activities.test_untrusted_strategies import Wait, quick
from tests.support.builders import a_view, an_open_position
from tests.support.stepping import RULES
from tests.trials.planted_bugs.swapping import swapped


@dataclass(frozen=True)
class Choosy(Eager):
    """Strategy that gives up every stock with an even code, raises on one and waits on another."""

    wait: Wait = field(default_factory=Wait)
    threads: set[int] = field(default_factory=set)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        self.threads.add(threading.get_ident())
        if position.symbol == "000007":
            raise ValueError("odd")
        if position.symbol == "000055":
            self.wait()
        return int(position.symbol) % 2 == 0


async def test_one_thread_asks_about_many_positions_and_a_hang_delays_only_its_batch(desk: Desk) -> None:
    choosy = Choosy()
    guard = StrategyGuard(desk.database, desk.pace, {"eager": choosy}, calls=quick())
    stamp = replace(an_open_position().strategy, name="eager", source="")
    held = [
        AskedPosition(
            a_view(), an_open_position(position_id=f"p-{code}", symbol=Symbol(code), strategy=stamp), RULES.strategy
        )
        for code in (f"{number:06d}" for number in range(60))
    ]

    wanted = set[str]()
    while len(wanted) < 30:  # the answers about the stocks of the hang's batch come when its time is up
        wanted |= await guard.who_wants_out(held)
        assert await guard.who_wants_out([]) == frozenset()

    assert wanted == {f"p-{number:06d}" for number in range(0, 60, 2)}
    assert choosy.wait.calls == 1
    assert len(choosy.threads) < 10
    choosy.wait.let_go.set()


async def test_a_report_that_cannot_be_written_delays_no_other_stock(desk: Desk) -> None:
    guard = StrategyGuard(desk.database, desk.pace, {"eager": Choosy()}, calls=quick())
    stamp = replace(an_open_position().strategy, name="eager", source="")
    held = [
        AskedPosition(a_view(), an_open_position(position_id=code, symbol=Symbol(code), strategy=stamp), RULES.strategy)
        for code in ("000007", "000008")
    ]
    written = asyncio.Event()

    async def hangs(*_: object) -> None:
        await written.wait()

    wanted = frozenset[str]()
    with swapped(type(desk.database.events), "append", hangs):
        async with asyncio.timeout(20):
            while not wanted:
                wanted = await guard.who_wants_out(held)
        written.set()

    assert wanted == {"000008"}
