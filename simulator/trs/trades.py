"""Counts of a day's trades by size and price, from its minutes."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Final

from simulator.exchange import second_of
from simulator.pressure import share_bought
from simulator.trs.words import View

_MINUTE: Final = 60


def minutes_so_far(view: View) -> range:
    """Return the whole and running minutes of continuous trading up to a view's moment."""
    if not view.seen.totals.volume:
        return range(0)
    return range(min(second_of(view.seen.session, view.seen.at) // _MINUTE, view.path.minutes - 1) + 1)


def bulk_trades(view: View, least: float) -> tuple[int, int]:
    """Return how many trades of at least so many won buyers and sellers made. A second has one trade at most."""
    bought = sold = 0.0
    for minute in minutes_so_far(view):
        bar = view.bar(minute)
        trades = min(_MINUTE, bar.volume)
        if trades and bar.volume / trades * bar.close >= least:
            share = share_bought(view.path, minute)
            bought, sold = bought + trades * share, sold + trades * (1 - share)
    return int(bought), int(sold)


def moments(view: View, step: int, most: int) -> Iterator[View]:
    """Yield a stock now and at up to ``most`` - 1 earlier times of continuous trading, ``step`` seconds apart."""
    if not view.seen.totals.volume:
        return
    session, exchange = view.seen.session, view.call.simulation.exchange
    last = min(second_of(session, view.seen.at), view.path.minutes * _MINUTE - 1)
    for second in islice(range(last, -1, -step), most):
        at = session.opens_at + timedelta(seconds=second)
        yield View(view.call, exchange.snapshot(view.seen.listing.symbol, at).on(view.seen.division))
