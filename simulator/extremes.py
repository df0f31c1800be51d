"""The highest and lowest price of a stock over a year: of earlier sessions' closes and of today."""

from datetime import date
from typing import Final, NamedTuple

from simulator.exchange import Exchange, Snapshot

YEAR: Final = 250
"""Sessions of KIS's 250-day and 52-week extremes."""


class Extremes(NamedTuple):
    """Prices in won, with the date on which each was reached."""

    high: int
    high_on: date
    low: int
    low_on: date


def extremes_of(exchange: Exchange, seen: Snapshot, since: date | None = None) -> Extremes:
    """Return the extremes of a year up to a snapshot, or of the days since a date."""
    sessions, tape = exchange.sessions, exchange.tapes[seen.listing.symbol]
    position = sessions.position(seen.session)
    first = sessions.first_since(since) + 1 if since else position - YEAR + 1
    high, low = tape.extremes(max(1, min(first, position)), position)
    found = Extremes(high.price, sessions.at(high.position).date, low.price, sessions.at(low.position).date)
    top, bottom = (price or seen.price for price in (seen.totals.high_price, seen.totals.low_price))
    if top > found.high:
        found = found._replace(high=top, high_on=seen.session.date)
    return found._replace(low=bottom, low_on=seen.session.date) if bottom < found.low else found
