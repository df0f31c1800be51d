"""H0STPGM0 (11 fields), a stock's program trades, and H0STMBC0 (78 fields), its brokers: when they have changed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from simulator.exchange import Snapshot
from simulator.flows import brokers_of, foreign_of, programs_of
from simulator.krx.units import Symbol
from simulator.market_views import broker_fields
from simulator.simulation import Simulation
from simulator.venues import Division
from simulator.wire import kst_time

_EVERY: Final = timedelta(seconds=10)
_PLACES: Final = range(1, 6)
_SIDES: Final = ("seln", "shnu")
_COLUMNS: Final = (
    *("{side}_mbcr_name{place}", "total_{side}_qty{place}", "{side}_mbcr_glob_yn_{place}"),
    *("{side}_mbcr_no{place}", "{side}_mbcr_rlim{place}", "{side}_qty_icdc{place}"),
)
Record = Callable[[Snapshot], list[str]]


class SampledFeed:
    """A record of one stock at most every ten market seconds."""

    def __init__(self, simulation: Simulation, symbol: Symbol, division: Division, record: Record) -> None:
        self._exchange = simulation.exchange
        self._symbol = symbol
        self._division = division
        self._record = record
        self._looked_at: datetime | None = None
        self._volume = 0

    def look(self, at: datetime) -> list[list[str]]:
        """Return the record if the stock has traded since the last one."""
        if self._looked_at is not None and at - self._looked_at < _EVERY:
            return []
        self._looked_at = at
        seen = self._exchange.snapshot(self._symbol, at).on(self._division)
        if not seen.totals.volume or seen.totals.volume == self._volume:
            return []
        self._volume = seen.totals.volume
        return [self._record(seen)]


def program_record(seen: Snapshot) -> list[str]:
    """Return what programs have sold and bought today, in shares and won; none of them waits in the book."""
    totals = seen.totals
    flow = programs_of(seen.listing.symbol, seen.session.date, totals.volume)
    average = totals.turnover / totals.volume
    sides = [(shares, int(shares * average)) for shares in (flow.sold, flow.bought, flow.net)]
    return [
        seen.listing.symbol,
        kst_time(seen.at),
        *(str(value) for side in sides for value in side),
        *("0", "0"),
        str(flow.net),
    ]


def broker_record(seen: Snapshot) -> list[str]:
    """Return the five largest selling and buying brokers of today."""
    brokers = brokers_of(seen.listing.symbol, seen.session.date, seen.totals.volume)
    fields, foreign = broker_fields(brokers, seen.totals.volume), foreign_of(brokers)
    english = {broker.number: broker.english for broker, _ in brokers}
    columns = [fields[name.format(side=side, place=place)] for name in _COLUMNS for side in _SIDES for place in _PLACES]
    numbers = [fields[f"{side}_mbcr_no{place}"] for side in _SIDES for place in _PLACES]
    totals = ("glob_total_seln_qty", "glob_total_shnu_qty", "glob_total_seln_qty_icdc", "glob_total_shnu_qty_icdc")
    return [
        seen.listing.symbol,
        *columns,
        *(fields[name] for name in totals),
        str(foreign.net),
        fields["glob_seln_rlim"],
        fields["glob_shnu_rlim"],
        *(english[number] for number in numbers),
    ]
