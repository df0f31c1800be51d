"""Who crosses the spread: the shares of a day that buyers and sellers took, from how the price has moved.

A minute's buyers take half of its shares, more after a minute that rose and less after one that fell.
"""

from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from simulator.day_path import DayPath
from simulator.exchange import Exchange, Snapshot, second_of

_MINUTE: Final = 60
_SHARES: Final = (0.1, 0.9)
_PER_MOVE: Final = 25.0
"""Share of the volume that a rise of 100 % would add; 1 % in a minute adds a quarter."""


class _Known(NamedTuple):
    """What is known of a path: volume and the buyers' part before each minute, and the buyers' share of minutes."""

    before: list[tuple[int, float]]
    shares: dict[int, float]


_known: "WeakKeyDictionary[DayPath, _Known]" = WeakKeyDictionary()


class Pressure(NamedTuple):
    """Shares that buyers and sellers took since the open."""

    bought: int
    sold: int

    @property
    def strength(self) -> float:
        """Return the shares bought for each share sold, in percent: KIS's 체결강도."""
        return self.bought / self.sold * 100 if self.sold else 0.0


def pressure_of(exchange: Exchange, seen: Snapshot) -> Pressure:
    """Return the pressure up to a snapshot. Auctions and the evening count half and half."""
    path, volume = exchange.path(seen.listing.symbol, seen.session), seen.totals.volume
    at_krx = seen.division.at_krx(volume)
    taken = pressure_on(path, at_krx, second_of(seen.session, seen.at))
    bought = taken.bought * volume // (at_krx or 1)
    return Pressure(bought, volume - bought)


def pressure_on(path: DayPath, volume: int, second: int) -> Pressure:
    """Return the pressure of a day's first ``volume`` shares, which had traded by a second."""
    if not volume:
        return Pressure(0, 0)
    minute = min(second // _MINUTE, path.minutes)
    before, bought = _before(path, minute)
    share = share_bought(path, minute) if minute < path.minutes else 0.5
    taken = int(bought + (volume - before) * share)
    return Pressure(taken, volume - taken)


def share_bought(path: DayPath, minute: int) -> float:
    """Return the buyers' share of a minute, known when it begins."""
    shares = _of(path).shares
    if minute not in shares:
        shares[minute] = _share(path, minute)
    return shares[minute]


def _share(path: DayPath, minute: int) -> float:
    if minute < 1:
        return 0.5
    first, last = path.price_at((minute - 1) * _MINUTE), path.price_at(minute * _MINUTE)
    least, most = _SHARES
    return min(most, max(least, 0.5 + _PER_MOVE * (last / first - 1)))


def _before(path: DayPath, minute: int) -> tuple[int, float]:
    before = _of(path).before
    while len(before) <= minute:
        volume, bought = before[-1]
        traded = path.bar(len(before) - 1).volume
        before.append((volume + traded, bought + traded * share_bought(path, len(before) - 1)))
    return before[minute]


def _of(path: DayPath) -> _Known:
    known = _known.get(path)
    if known is None:
        known = _known[path] = _Known([(0, 0.0)], {})
    return known
