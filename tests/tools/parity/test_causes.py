"""A comparison explains what its evidence shows, and nothing else: a tampered book stays unexplained."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from domain.money import Price, Won
from domain.position import ClosedTrade, ExitReason
from domain.rules import StrategyRules, TradingRules, UniverseRules
from domain.session import Session
from history.store import BarStore
from lab.day import LabBooks, Order, play
from lab.recording import read_session
from lab.steps import Step
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, a_store
from tools.parity.causes import Cause
from tools.parity.comparing import Comparison, explained
from tools.parity.oracle import Oracle
from tools.parity.played import Played, Scans
from tools.parity.real_day import RealDay
from tools.parity.small_store import some_of
from workflows.identity import worker_name

RULES: Final = TradingRules(
    universe=UniverseRules(ranking_size=0, symbols=STOCKS), strategy=StrategyRules(names=("volatility_breakout",))
)
WORKERS: Final = 2
CAPITAL: Final = 50_000_000


class Evidence(NamedTuple):
    day: RealDay
    played: Played
    oracle: Oracle

    def against(self, other: Played) -> Comparison:
        """Compare the day with a changed copy of itself."""
        return explained(self.day, other, self.played, self.oracle)


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    a_store(folder / "all")
    session = CALENDAR.session_on(DAYS[0])
    assert session is not None
    assert some_of(folder / "all", folder / "some", session, None, 4) == tuple(sorted(STOCKS))
    return folder / "some"


@pytest.fixture
async def evidence(bars: Path, database_url: str) -> Evidence:
    session = CALENDAR.session_on(DAYS[0])
    assert isinstance(session, Session)
    books, steps = LabBooks(database_url), list[Step]()
    recorded = read_session(BarStore(bars), session)
    found = await play(books, recorded, Order(RULES, WORKERS, CAPITAL), CALENDAR, steps)
    await books.aclose()
    played = Played("backtest", found.books, steps, tuple(worker_name(number) for number in (1, 2)))
    day = RealDay(session, bars, RULES, WORKERS, CAPITAL, 60)
    return Evidence(day, played, Oracle(recorded, bars, RULES, CAPITAL, CALENDAR))


def changed(played: Played, change: Callable[[ClosedTrade], ClosedTrade | None]) -> Played:
    """Return the day with its first trade changed, or without it."""
    first, *others = played.trades
    made = change(first)
    ledger = replace(played.books.ledger, trades=(*([made] if made else []), *others))
    return replace(played, books=replace(played.books, ledger=ledger))


async def test_a_day_equals_itself(evidence: Evidence) -> None:
    found = evidence.against(evidence.played)

    assert len(found.pairs) == len(evidence.played.trades) >= 3
    assert (found.differences, found.is_explained) == ([], True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda trade: None, "trade"),
        (lambda trade: replace(trade, exit_reason=ExitReason.FOREIGN_SALE), "sold at"),
        (lambda trade: replace(trade, quantity=trade.quantity + 1), "shares"),
    ],
    ids=["lost", "other reason", "another share"],
)
async def test_a_tampered_trade_is_not_explained(
    evidence: Evidence, change: Callable[[ClosedTrade], ClosedTrade | None], what: str
) -> None:
    found = evidence.against(changed(evidence.played, change))

    assert not found.is_explained, found.differences
    assert (what, Cause.UNEXPLAINED) in [(each.what, each.cause) for each in found.differences]


async def test_a_fill_that_the_recorded_price_cannot_give_is_not_explained(evidence: Evidence) -> None:
    first = min(evidence.played.trades, key=lambda trade: trade.opened_at)
    bought = next(row for row in evidence.played.books.broker.orders if row.symbol == first.symbol and row.fills)
    cheap = replace(bought, fills=tuple(replace(fill, price=Price(fill.price // 2)) for fill in bought.fills))
    rows = tuple(cheap if row is bought else row for row in evidence.played.books.broker.orders)
    broker = replace(evidence.played.books.broker, orders=rows)
    cheaper = changed(evidence.played, lambda trade: replace(trade, entry_amount=Won(trade.entry_amount // 2)))
    tampered = replace(cheaper, books=replace(cheaper.books, broker=broker))

    found = evidence.against(tampered)

    assert any(each.what == "paid" and each.cause is Cause.UNEXPLAINED for each in found.differences)


async def test_a_busy_fleet_is_a_cause(evidence: Evidence) -> None:
    """Processes with one worker: it holds a stock while the other day's second worker buys."""
    mine = {trade.position_id for trade in evidence.played.trades if trade.worker_id == worker_name(1)}
    assert 0 < len(mine) < len(evidence.played.trades)
    ledger = evidence.played.books.ledger
    only = replace(
        ledger,
        trades=tuple(trade for trade in ledger.trades if trade.position_id in mine),
        orders=tuple(each for each in ledger.orders if each.record.intent.position_id in mine),
    )
    steps = [step for step in evidence.played.steps if not step.workflow_id.endswith(worker_name(2))]
    alone = Played("processes", replace(evidence.played.books, ledger=only), steps, (worker_name(1),), Scans())

    found = evidence.against(alone)

    missing = [each for each in found.differences if each.what == "trade"]
    assert missing
    assert Cause.UNEXPLAINED not in {each.cause for each in missing}
    assert Cause.BUSY in {each.cause for each in missing}


def test_matching_leaves_no_trade_out(evidence: Evidence) -> None:
    later = changed(
        evidence.played,
        lambda trade: replace(
            trade, opened_at=trade.opened_at + timedelta(hours=9), closed_at=trade.closed_at + timedelta(hours=9)
        ),
    )

    found = evidence.against(later)

    count = len(evidence.played.trades)
    assert sum(pair.real is not None for pair, _ in found.pairs) == count
    assert sum(pair.lab is not None for pair, _ in found.pairs) == count
    assert len(found.pairs) == count + 1
