"""The days before a played one: the same in each play, and drawn anew they would take longer than the play itself."""

from simulator.day_path import DaySummary
from simulator.simulation import Simulation
from simulator.tape import Tape

_BARS: dict[tuple[int, str], dict[int, DaySummary]] = {}
_LAST: dict[tuple[int, str], tuple[Tape, int]] = {}


def remember_the_past(simulation: Simulation, *symbols: str) -> None:
    """Hand a new exchange what earlier ones of the same seed have drawn of the days before theirs."""
    exchange = simulation.exchange
    today = exchange.sessions.position(exchange.shown_session(simulation.market_now()))
    for symbol, tape in exchange.tapes.items():
        if symbol not in symbols:
            continue
        key = (simulation.settings.seed, symbol)
        bars = _BARS.setdefault(key, {})
        if key in _LAST:
            earlier, its_today = _LAST[key]
            bars.update({day: bar for day, bar in earlier._summaries.items() if day < its_today})
        tape._summaries.update({day: bar for day, bar in bars.items() if day < today})
        _LAST[key] = (tape, today)
