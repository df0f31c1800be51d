"""KIS's field names of a stock, each with the fact that it shows. A TR names the fields of its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from simulator.day_path import DayPath, DaySummary
from simulator.exchange import Snapshot
from simulator.krx.units import Symbol
from simulator.liquidity import Level
from simulator.natural_day import MinuteBar
from simulator.pressure import Pressure, pressure_of
from simulator.quotes import book_of, change_fields, status_fields
from simulator.venues import division_of
from simulator.wire import Call, Fields, percent

_HUNDRED_MILLION: Final = 100_000_000


@dataclass(frozen=True)
class View:
    """A stock as a call sees it. What a field needs is computed when the field is asked for."""

    call: Call
    seen: Snapshot

    @classmethod
    def of(cls, call: Call, symbol: Symbol) -> "View":
        """Return a listed stock at the moment of a call."""
        division = division_of(call.values.get("FID_COND_MRKT_DIV_CODE", ""))
        return cls(call, call.simulation.exchange.snapshot(symbol, call.at).on(division))

    @cached_property
    def book(self) -> tuple[list[Level], list[Level]]:
        """Return asks and bids."""
        return book_of(self.call, self.seen)

    @cached_property
    def depth(self) -> tuple[int, int]:
        """Return the shares asked and bid at all levels."""
        asks, bids = self.book
        return sum(level.quantity for level in asks), sum(level.quantity for level in bids)

    @cached_property
    def path(self) -> DayPath:
        """Return the day's path."""
        return self.call.simulation.exchange.path(self.seen.listing.symbol, self.seen.session)

    def bar(self, minute: int) -> MinuteBar:
        """Return a minute of continuous trading."""
        bar = self.path.bar(minute)
        return bar._replace(volume=self.seen.division.shares(bar.volume))

    @cached_property
    def previous(self) -> DaySummary:
        """Return the session before."""
        return self.call.simulation.exchange.previous_day(self.seen.listing.symbol, self.seen.session)

    @cached_property
    def pressure(self) -> Pressure:
        """Return the shares that buyers and sellers took."""
        return pressure_of(self.call.simulation.exchange, self.seen)

    @cached_property
    def change(self) -> Fields:
        """Return the fields of the change against the base price."""
        return change_fields(self.seen)

    @cached_property
    def status(self) -> Fields:
        """Return the status fields of inquire-price."""
        return status_fields(self.seen)

    @property
    def value(self) -> int:
        """Return the market value in won."""
        return self.seen.price * self.seen.listing.listed_shares

    def match(self, *, closing: bool) -> tuple[int, int]:
        """Return price and shares of the opening or the closing auction, expected or made.

        An auction that has not begun shows the last price and no shares.
        """
        seen = self.seen
        if closing:
            begun = seen.at >= seen.session.auction_at
            return (self.path.close_price, self.path.closing_volume) if begun else (seen.price, 0)
        return self.path.price_at(0), self.path.bar(0).volume

    def best(self, side: int) -> Level:
        """Return the best ask (0) or bid (1); zeros if the side is empty."""
        return self.book[side][0] if self.book[side] else Level(0, 0)


WORDS: Final[dict[str, Callable[[View], object]]] = {
    "stck_shrn_iscd": lambda view: view.seen.listing.symbol,
    "hts_kor_isnm": lambda view: view.seen.listing.name,
    "iscd_stat_cls_code": lambda view: view.status["iscd_stat_cls_code"],
    "marg_rate": lambda view: view.status["marg_rate"],
    "crdt_able_yn": lambda view: view.status["crdt_able_yn"],
    "sltr_yn": lambda view: view.status["sltr_yn"],
    "mrkt_warn_cls_code": lambda view: view.status["mrkt_warn_cls_code"],
    "ovtm_vi_cls_code": lambda view: view.status["ovtm_vi_cls_code"],
    "rprs_mrkt_kor_name": lambda view: view.seen.listing.board,
    "bstp_kor_isnm": lambda _: "제조업",
    "stck_prpr": lambda view: view.seen.price,
    "stck_sdpr": lambda view: view.seen.base,
    "stck_mxpr": lambda view: view.seen.limits.upper,
    "stck_llam": lambda view: view.seen.limits.lower,
    "stck_oprc": lambda view: view.seen.totals.open_price,
    "stck_hgpr": lambda view: view.seen.totals.high_price,
    "stck_lwpr": lambda view: view.seen.totals.low_price,
    "stck_prdy_clpr": lambda view: view.seen.raw_close,
    "prdy_vrss": lambda view: view.change["prdy_vrss"],
    "prdy_vrss_sign": lambda view: view.change["prdy_vrss_sign"],
    "prdy_ctrt": lambda view: view.change["prdy_ctrt"],
    "acml_vol": lambda view: view.seen.totals.volume,
    "acml_tr_pbmn": lambda view: view.seen.totals.turnover,
    "prdy_vol": lambda view: view.previous.volume,
    "prdy_vrss_vol_rate": lambda view: percent(view.seen.totals.volume, view.previous.volume),
    "lstn_stcn": lambda view: view.seen.listing.listed_shares,
    "stck_avls": lambda view: view.value // _HUNDRED_MILLION,
    "askp": lambda view: view.best(0).price,
    "bidp": lambda view: view.best(1).price,
    "askp_rsqn1": lambda view: view.best(0).quantity,
    "bidp_rsqn1": lambda view: view.best(1).quantity,
    "total_askp_rsqn": lambda view: view.depth[0],
    "total_bidp_rsqn": lambda view: view.depth[1],
    "total_ntsl_bidp_rsqn": lambda view: view.depth[1] - view.depth[0],
    "seln_rsqn_rate": lambda view: percent(view.depth[0], view.depth[1]),
    "shnu_rsqn_rate": lambda view: percent(view.depth[1], view.depth[0]),
    "tday_rltv": lambda view: f"{view.pressure.strength:.2f}",
    "seln_cnqn": lambda view: view.pressure.sold,
    "shnu_cnqn": lambda view: view.pressure.bought,
    "ntby_cnqn": lambda view: view.pressure.bought - view.pressure.sold,
}
"""Prices in won, quantities in shares, ``stck_avls`` in hundred million won."""
WORDS.update(
    {
        other: WORDS[name]
        for other, name in {
            "mksc_shrn_iscd": "stck_shrn_iscd",
            "seln_rsqn": "askp_rsqn1",
            "shnu_rsqn": "bidp_rsqn1",
            "seln_cnqn_smtn": "seln_cnqn",
            "shnu_cnqn_smtn": "shnu_cnqn",
        }.items()
    }
)


def row(view: View, names: str, **own: object) -> Fields:
    """Return the named fields of a stock; ``own`` are those that only this TR has."""
    return {name: str(own[name] if name in own else WORDS[name](view)) for name in names.split()}
