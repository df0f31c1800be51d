"""H0UPCNT0 and H0UPANC0 (30 fields): an index every ten market seconds, and its expected level in auctions."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from simulator.exchange import Exchange
from simulator.index_levels import INDICES, Index, IndexDay
from simulator.indices import index_fields
from simulator.krx.sessions import SessionPhase
from simulator.krx.units import Symbol
from simulator.quotes import expected_match
from simulator.simulation import Simulation
from simulator.wire import Fields, kst_time, percent, sign

_EVERY: Final = timedelta(seconds=10)
_AUCTIONS: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)


class IndexFeed:
    """One index while its stocks trade."""

    def __init__(self, simulation: Simulation, code: Symbol) -> None:
        self._exchange = simulation.exchange
        self._index = INDICES[code]
        self._looked_at: datetime | None = None
        self._last: Fields | None = None

    def look(self, at: datetime) -> list[list[str]]:
        """Return the index if it is due and has traded since the last record."""
        if self._looked_at is not None and at - self._looked_at < _EVERY:
            return []
        self._looked_at = at
        shown = self._shown(at)
        last, self._last = self._last, shown
        if shown is None or not int(shown["acml_vol"]) or (last and last["acml_vol"] == shown["acml_vol"]):
            return []
        return [_record(self._index, at, shown, last or shown)]

    def _shown(self, at: datetime) -> Fields | None:
        return index_fields(self._exchange, self._index, at)


class ExpectedIndexFeed(IndexFeed):
    """The level that the orders of a running auction would make."""

    def look(self, at: datetime) -> list[list[str]]:
        """Return the expected level if it is due."""
        if self._looked_at is not None and at - self._looked_at < _EVERY:
            return []
        self._looked_at = at
        shown = self._shown(at)
        return [_record(self._index, at, shown, shown)] if shown else []

    def _shown(self, at: datetime) -> Fields | None:
        exchange = self._exchange
        session = exchange.shown_session(at)
        if session.phase_at(at) not in _AUCTIONS:
            return None
        return _expected(exchange, IndexDay(exchange, self._index, session), at)


def _expected(exchange: Exchange, day: IndexDay, at: datetime) -> Fields | None:
    fields = index_fields(exchange, day.index, at)
    if not Decimal(fields["bstp_nmix_prpr"]):
        return None
    seen = [exchange.snapshot(one.symbol, at) for one in day.listings]
    matches = [expected_match(exchange, one) for one in seen]
    level = day.scaled([price for price, _ in matches])
    change = level - day.before
    return fields | {
        "bstp_nmix_prpr": f"{level:.2f}",
        "bstp_nmix_prdy_vrss": f"{change:.2f}",
        "prdy_vrss_sign": sign((change > 0) - (change < 0)),
        "bstp_nmix_prdy_ctrt": percent(float(change), float(day.before)),
        "acml_vol": str(sum(shares for _, shares in matches) // 1_000),
        "acml_tr_pbmn": str(sum(price * shares for price, shares in matches) // 1_000_000),
    }


def _record(index: Index, at: datetime, now: Fields, before: Fields) -> list[str]:
    level = Decimal(now["bstp_nmix_prpr"])
    extremes = [Decimal(now[f"bstp_nmix_{name}"]) for name in ("oprc", "hgpr", "lwpr")]
    close = level - Decimal(now["bstp_nmix_prdy_vrss"])
    return [
        index.code,
        kst_time(at),
        now["bstp_nmix_prpr"],
        now["prdy_vrss_sign"],
        now["bstp_nmix_prdy_vrss"],
        now["acml_vol"],
        now["acml_tr_pbmn"],
        str(int(now["acml_vol"]) - int(before["acml_vol"])),
        str(int(now["acml_tr_pbmn"]) - int(before["acml_tr_pbmn"])),
        now["bstp_nmix_prdy_ctrt"],
        *(f"{each:.2f}" for each in extremes),
        *(text for each in extremes for text in _against(level, each)),
        *(percent(float(each - close) if each else 0, float(close)) for each in extremes),
        *(now[f"{name}_issu_cnt"] for name in ("uplm", "ascn", "stnr", "down", "lslm")),
        *("0", "0"),
        f"{level - Decimal(before['bstp_nmix_prpr']):.2f}",
    ]


def _against(level: Decimal, other: Decimal) -> tuple[str, str]:
    difference = level - other if other else Decimal(0)
    return f"{difference:.2f}", sign((difference > 0) - (difference < 0))
