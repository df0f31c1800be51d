"""The simulated exchange of one recorded session."""

from datetime import datetime

from domain.session import TradingCalendar
from lab.fills import BarLiquidity
from lab.recording import RecordedSession
from simulator.clock import ManualClock, utc_now
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation


def open_exchange(
    recorded: RecordedSession, capital: int, calendar: TradingCalendar, begins_at: datetime
) -> Simulation:
    """Return an exchange whose clock stands at a market instant until it is moved; its accounts open with capital."""
    clock, began = ManualClock(begins_at), utc_now()

    def now() -> datetime:
        return began + (clock.market_time - begins_at)

    settings = SimulationSettings(
        clock=clock,
        calendar=calendar,
        opening_cash=capital,
        rate_limit=0,
        token_interval=0,
        listings=1,
        recording=recorded.recording,
        now=now,
    )
    simulation = Simulation(settings, BarLiquidity)
    for symbol, stock in recorded.stocks.items():
        simulation.exchange.tapes[symbol].listing = stock.listing
    return simulation
