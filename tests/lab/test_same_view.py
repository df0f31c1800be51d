"""A strategy sees the same in a backtest and on a host at the simulator that plays the same recorded minutes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from activities.market.quote_feed import QuoteFeed
from domain.bar import DailyBar, IndexBar
from domain.clock import LIVE_CLOCK, MarketClock
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Market, MarketView, Symbol
from domain.session import Session
from history.index_minutes import IndexMinutes
from history.store import BarStore, Instrument, Kind
from lab.exchange import calendar_there, open_exchange
from lab.fills import BarLiquidity
from lab.market import LabMarket
from lab.recording import read_session
from simulator.bar_folder import read_sessions
from simulator.clock import ManualClock
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, a_store
from tests.support.stepping import a_broker, pinned_database

OPENS = 540
LEVELS = {minute: Decimal(2_600) + Decimal(minute - OPENS) / 4 for minute in range(OPENS, OPENS + 30)}


@dataclass
class Pace:
    """The clock of the host, which the test moves."""

    simulation: Simulation
    clock: MarketClock = LIVE_CLOCK

    def now(self) -> datetime:
        return self.simulation.market_now()


@dataclass
class Host:
    """The feed of a host, which polls a simulator over HTTP once a second."""

    feed: QuoteFeed
    simulation: Simulation

    async def follows_until(self, instant: datetime) -> None:
        while (at := self.simulation.market_now()) < instant:
            self.simulation.move_clock(at + timedelta(seconds=1))
            await self.view(STOCKS[0])

    async def view(self, symbol: Symbol) -> MarketView:
        (quote,) = (await self.feed.quotes([symbol], timedelta(0), Lane.SCAN)).values()
        reading = self.feed._indices._reading
        if reading is not None:
            await reading
        return self.feed.view_of(quote)


def session() -> Session:
    found = CALENDAR.session_on(DAYS[0])
    assert found is not None
    return found


def earlier_days() -> list[DailyBar]:
    """Return a month of sessions, so that the reference has no day without a bar."""
    found, day = list[DailyBar](), CALENDAR.session_before(DAYS[0]).date
    for _ in range(22):
        found.append(DailyBar(day, 12_000, 12_120, 11_880, 12_000, 1_000_000, None, 12_000))
        day = CALENDAR.session_before(day).date
    return found


def a_store_with(folder: Path, *markets: Market) -> BarStore:
    store = a_store(folder, DAYS[:1])
    with store.writing():
        store.write_daily({STOCKS[0]: earlier_days()})
        store.write_instruments(Instrument(symbol, f"종목 {symbol}", Market.KOSPI, Kind.STOCK) for symbol in STOCKS)
    bars = [IndexBar(minute, level, level, level, level) for minute, level in LEVELS.items()]
    if markets:
        with store.writing():
            indices = IndexMinutes(folder)
            indices.write(DAYS[0], dict.fromkeys(markets, bars))
            indices.write(CALENDAR.session_before(DAYS[0]).date, dict.fromkeys(markets, bars[:1]))
    return store


@pytest.fixture(params=[(), (Market.KOSPI, Market.KOSDAQ)], ids=["without an index", "with both indices"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BarStore:
    return a_store_with(tmp_path, *request.param)


@pytest.fixture
async def host(database_url: str, store: BarStore) -> AsyncIterator[Host]:
    clock = ManualClock(session().opens_at - timedelta(seconds=15))
    there = calendar_there(CALENDAR)
    recording = read_sessions(store, there, DAYS[:1], only=True)
    settings = SimulationSettings(clock=clock, calendar=there, rate_limit=0, token_interval=0, recording=recording)
    simulation = Simulation(settings, BarLiquidity)
    pace = Pace(simulation)
    async with (
        pinned_database(database_url, Environment.SIMULATED) as database,
        a_broker(simulation, database, pace.now) as broker,
    ):
        feed = QuoteFeed(broker, pace, calendar=CALENDAR)  # type: ignore[arg-type]  # what a feed asks of a pace
        await feed.learn_references(STOCKS, Lane.SCAN)
        host = Host(feed, simulation)
        for _ in range(2):  # the first look asks for the index, so that it is read each quarter of a minute
            await host.view(STOCKS[0])
        yield host


async def test_the_view_is_the_same(host: Host, store: BarStore) -> None:
    recorded = read_session(store, session())
    exchange = open_exchange(recorded, 100_000_000, CALENDAR, session().opens_at)
    market = LabMarket(recorded, exchange)

    for minute in range(6):
        at = session().opens_at + timedelta(minutes=minute)
        await host.follows_until(at)
        live, played = await host.view(STOCKS[0]), market.view(market.quote(STOCKS[0], at))

        assert live.quote == played.quote
        assert live.reference == played.reference
        assert live.minutes == played.minutes
        assert live.book == played.book
        assert (live.index, bool(live.no_index)) == (played.index, bool(played.no_index))
        assert (live.index is not None) == bool(recorded.indices)
        assert (live.session, live.phase, live.open_for) == (played.session, played.phase, played.open_for)
        assert live.completed == played.completed
        # A host samples every two seconds, a backtest at the start of each minute.
        assert live.recent[0].at <= played.recent[0].at
        assert live.recent[-1] == played.recent[-1]
