"""The simulated exchange of one recorded session."""

from datetime import datetime

import domain.session
from lab.fills import BarLiquidity
from lab.recording import RecordedSession
from simulator.clock import ManualClock, utc_now
from simulator.krx.sessions import Hours, TradingCalendar
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation


def calendar_there(calendar: domain.session.TradingCalendar) -> TradingCalendar:
    """Return a calendar as the simulator takes it."""
    changed = {day: Hours(each.opens, each.closing_auction, each.ends) for day, each in calendar.changed_hours.items()}
    return TradingCalendar(calendar.closures, changed)


def open_exchange(
    recorded: RecordedSession, capital: int, calendar: domain.session.TradingCalendar, begins_at: datetime
) -> Simulation:
    """Return an exchange whose clock stands at a market instant until it is moved; its accounts open with capital."""
    clock, began = ManualClock(begins_at), utc_now()

    def now() -> datetime:
        return began + (clock.market_time - begins_at)

    settings = SimulationSettings(
        clock=clock,
        calendar=calendar_there(calendar),
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
