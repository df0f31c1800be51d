"""H0STCNT0, H0UNCNT0, H0NXCNT0: at most one trade per market second, with the price and volume that REST shows."""

from datetime import datetime, timedelta

from simulator.exchange import Snapshot, second_of
from simulator.krx.sessions import Session
from simulator.krx.units import Symbol
from simulator.quotes import levels_of
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.backgrounds import Backgrounds
from simulator.stream.records import depth_of, trade_fields, with_market
from simulator.venues import Division


class TradeFeed:
    """The trades of one stock from a market instant on."""

    def __init__(
        self, simulation: Simulation, symbol: Symbol, division: Division, settings: StreamSettings, at: datetime
    ) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._division = division
        self._settings = settings
        self._last = simulation.exchange.snapshot(symbol, at).on(division)
        self._backgrounds = Backgrounds(simulation.exchange, symbol)

    def look(self, at: datetime) -> list[list[str]]:
        """Return the trades since the last check. Above the limit, single trades represent those between them."""
        exchange = self._simulation.exchange
        trades = []
        for instant in self._instants(exchange.shown_session(at), at):
            seen = exchange.snapshot(self._symbol, instant).on(self._division)
            last, self._last = self._last, seen
            before = last.totals.volume if last.session.date == seen.session.date else 0
            grown = seen.totals.volume - before
            if grown > 0 or (seen.price != last.price and seen.totals.volume):
                trades.append((seen, max(grown, 1)))
        return self._records(trades)

    def _records(self, trades: list[tuple[Snapshot, int]]) -> list[list[str]]:
        """Return the trades field by field. All carry the last trade's depth of the whole book (38, 39)."""
        if not trades:
            return []
        depth = depth_of(levels_of(self._simulation, trades[-1][0]))
        records = [
            trade_fields(seen, size, levels_of(self._simulation, seen, 1), self._backgrounds.of(seen, depth))
            for seen, size in trades
        ]
        if not self._settings.market_class:
            return records
        return [with_market(fields, seen) for fields, (seen, _) in zip(records, trades, strict=True)]

    def _instants(self, session: Session, at: datetime) -> list[datetime]:
        """Return the market seconds to check. The last one is repeated: its price may have been forced since."""
        after = int((self._last.at - session.opens_at).total_seconds())
        now = int((at - session.opens_at).total_seconds())
        spans = self._spans(session)
        if after == now:
            seconds = [now] if any(now in span for span in spans) else []
        else:
            passed = (range(max(after + 1, span.start), min(now + 1, span.stop)) for span in spans)
            seconds = [second for span in passed for second in _thinned(span, self._settings.records)]
        return [session.opens_at + timedelta(seconds=second) for second in seconds]

    def _spans(self, session: Session) -> list[range]:
        """Return the seconds since the open with trades: the session, the end of the closing auction, the evening."""
        end = second_of(session, session.ends_at)
        evening = self._simulation.exchange.evening(self._symbol, session)
        spans = [range(second_of(session, session.auction_at)), range(end, end + 1)]
        return [*spans, evening.seconds] if evening else spans


def _thinned(seconds: range, most: int) -> list[int]:
    """Return the seconds, or ``most`` of them, evenly spaced and including the last."""
    if len(seconds) <= most:
        return list(seconds)
    return [seconds[len(seconds) * step // most - 1] for step in range(1, most + 1)]
