"""The kernel of a sweep trades as a backtest does: the same stocks, seconds, reasons and won."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.close_plan import CloseLeads, plan_session
from domain.market import MarketView
from domain.money import Quantity
from domain.position import ClosedTrade, OpenPosition
from domain.rule_changes import changed
from domain.rules import StrategyRules, TradingRules
from domain.strategy import EntrySignal
from lab.day import LabBooks, Order, play
from lab.recording import RecordedSession, read_session
from lab.sweep.dealing import Dealing
from lab.sweep.kernel import play_variant
from lab.sweep.scene import Scene
from lab.sweep.trades import KernelTrade, PlayedVariant
from strategies import known
from strategies.admission import admitted
from strategies.api import Parameters
from strategies.catalogue import Catalogue, install
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

RULES = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
CAPITAL = 50_000_000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedSession:
    store = a_store(tmp_path_factory.mktemp("bars"))
    session = CALENDAR.session_on(DAYS[0])
    assert session is not None
    return read_session(store, session)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[LabBooks]:
    found = LabBooks(database_url)
    yield found
    await found.aclose()


def a_scene(recorded: RecordedSession, workers: int = 1) -> Scene:
    return Scene(recorded, plan_session(recorded.session, CloseLeads(), 1, workers), CAPITAL, CALENDAR)


def played(recorded: RecordedSession, workers: int, changes: dict[str, str]) -> PlayedVariant:
    return play_variant(a_scene(recorded, workers), with_(**changes), workers, CAPITAL)


def with_(**changes: str) -> TradingRules:
    named = {name.replace("__", "."): text for name, text in changes.items()}
    return replace(changed(RULES, named), version=1) if named else RULES


# Which of several free workers takes a stock is left open: they are alike.


def of_kernel(trade: KernelTrade) -> tuple[Any, ...]:
    about = (trade.symbol, trade.opened_at, trade.closed_at, trade.sold_because)
    return (*about, trade.quantity, trade.entry_amount, trade.exit_amount, trade.net)


def of_backtest(trade: ClosedTrade, recorded: RecordedSession) -> tuple[Any, ...]:
    opens = recorded.session.opens_at
    seconds = (int((at - opens).total_seconds()) for at in (trade.opened_at, trade.closed_at))
    about = (trade.symbol, *seconds, trade.exit_reason)
    return (*about, trade.quantity, trade.entry_amount, trade.exit_amount, trade.net_pnl)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("workers", "changes"),
    [
        (1, {}),
        (3, {"exits__stop_loss": "1%", "exits__take_profit": "1.5%", "strategy__volatility_breakout__factor": "0.3"}),
    ],
)
async def test_a_variant_trades_as_a_backtest_does(
    books: LabBooks, recorded: RecordedSession, workers: int, changes: dict[str, str]
) -> None:
    there = await play(books, recorded, Order(with_(**changes), workers, CAPITAL), CALENDAR)

    here = played(recorded, workers, changes)

    assert here.trades
    assert sorted(map(of_kernel, here.trades)) == sorted(of_backtest(trade, recorded) for trade in there.trades)


def test_variants_that_share_a_scene_do_not_change_each_other(recorded: RecordedSession) -> None:
    shared = a_scene(recorded)
    variants = [
        {"exits__stop_loss": stop, "exits__take_profit": target, "exits__trend_break": trend}
        for stop in ("0.5%", "2%")
        for target in ("0.7%", "3%")
        for trend in ("0%", "1.2%")
    ]

    together = [play_variant(shared, with_(**each), 1, CAPITAL).trades for each in variants]

    assert together == [played(recorded, 1, each).trades for each in variants]
    assert len({tuple(trades) for trades in together}) > 2


def test_the_capital_limits_a_purchase(recorded: RecordedSession) -> None:
    scene = a_scene(recorded)

    assert all(trade.entry_amount <= 30_000 for trade in play_variant(scene, RULES, 1, 30_000).trades)
    assert not play_variant(scene, RULES, 1, 1_000).trades
    assert play_variant(scene, RULES, 1, 1_000).not_bought["no share affordable"]


class AskingParameters(Parameters):
    pass


class Asking:
    """Sells as soon as the position's own target is far: an answer for one variant must not reach another."""

    name = "asking"
    version = "1"
    Parameters = AskingParameters

    def entry(self, view: MarketView, parameters: AskingParameters) -> EntrySignal | None:
        return EntrySignal(self.name, self.version, Decimal("0.5"), "always")

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: AskingParameters) -> bool:
        try:
            return position.exit_rules.take_profit > Decimal("0.04")
        except Exception:  # noqa: BLE001 - code that hides what it asked for
            return True


class Failing(Asking):
    name = "failing"

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: AskingParameters) -> bool:
        raise ValueError(position.symbol)


@pytest.fixture
def own() -> Iterator[None]:
    before = known()
    brought = {cls.name: admitted(cls) for cls in (Asking, Failing)}
    install(Catalogue({**before.strategies, **brought}, before.filters))
    yield
    install(before)


@pytest.mark.usefixtures("own")
def test_a_strategy_that_asks_for_the_exits_of_its_position_is_asked_for_each_variant(
    recorded: RecordedSession,
) -> None:
    rules = replace(RULES, strategy=StrategyRules(names=("asking",)))
    near, far = (replace(changed(rules, {"exits.take_profit": target}), version=1) for target in ("3%", "5%"))
    scene = a_scene(recorded)

    shared = [play_variant(scene, each, 1, CAPITAL).trades for each in (near, far, near)]

    assert shared == [play_variant(a_scene(recorded), each, 1, CAPITAL).trades for each in (near, far, near)]
    assert all(trade.sold_because == "strategy" for trade in shared[1])
    assert not any(trade.sold_because == "strategy" for trade in shared[0])


@pytest.mark.usefixtures("own")
def test_a_strategy_that_fails_is_counted_and_the_exit_rules_sell(recorded: RecordedSession) -> None:
    scene = a_scene(recorded)
    found = play_variant(scene, replace(RULES, strategy=StrategyRules(names=("failing",))), 1, CAPITAL)

    assert found.trades
    assert scene.faults
    assert not any(trade.sold_because == "strategy" for trade in found.trades)


def test_an_order_that_finds_the_book_of_an_earlier_one_is_not_taken_for_a_first_one(
    recorded: RecordedSession,
) -> None:
    scene = a_scene(recorded)
    symbol, second = next(iter(recorded.stocks)), 1_200
    limit = recorded.stocks[symbol].limits.upper
    many = Quantity(50_000)

    busy = Dealing(scene, RULES)
    busy.buy(symbol, many, limit, second)
    after = busy.buy(symbol, many, limit, second + 20)
    alone = Dealing(scene, RULES).buy(symbol, many, limit, second + 20)

    assert after.quantity < alone.quantity
    assert Dealing(scene, RULES).buy(symbol, many, limit, second + 20) == alone
