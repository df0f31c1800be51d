"""Unserved demand: what the simulator's own book still bids at an instant, beyond our fills."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.market import Symbol
from domain.money import Quantity
from simulator.exchange import second_of
from simulator.krx.sessions import Session
from simulator.krx.units import Side
from simulator.order_types import Board
from simulator.simulation import Simulation
from simulator.trading_hours import window_of
from tests.support.stepping import broker_account


class Place(StrEnum):
    """Where a sale could trade."""

    SESSION = "session"
    AUCTION = "closing auction"
    AT_THE_CLOSE = "post-close"
    EVENING = "after-market"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Look:
    """Shares of a stock that other bidders would still have bought at a market instant, after our resting orders."""

    at: datetime
    symbol: Symbol
    place: Place
    wanted: Quantity


def look(simulation: Simulation, symbol: Symbol, at: datetime) -> Look:
    """Read the simulator's own book; the market must have reached the instant."""
    session = simulation.exchange.shown_session(at)
    place = place_at(session, at)
    conditions = simulation.exchange.conditions[symbol]
    if conditions.frozen or conditions.no_bids:
        return Look(at, symbol, place, Quantity(0))
    path = simulation.exchange.path(symbol, session)
    match place:
        case Place.AUCTION:
            wanted = _in_the_auction(simulation, symbol, session)
        case Place.AT_THE_CLOSE if not path.ended_by and path.close_price != path.limits.lower:
            wanted = simulation.engine.off_hours.left(symbol, Side.SELL, at)
        case Place.SESSION if not path.pause_at(second_of(session, at)):
            wanted = _bid(simulation, symbol, session, at)
        case Place.EVENING if not path.ended_by:
            wanted = _bid(simulation, symbol, session, at)
        case _:
            wanted = 0
    return Look(at, symbol, place, Quantity(wanted))


def place_at(session: Session, at: datetime) -> Place:
    """Return where a trade is possible at an instant; the auction trades in the one second of its end."""
    if session.opens_at <= at < session.auction_at:
        return Place.SESSION
    if session.ends_at <= at < session.ends_at + timedelta(seconds=2):
        return Place.AUCTION
    for board, place in ((Board.POST_CLOSE, Place.AT_THE_CLOSE), (Board.AFTER_MARKET, Place.EVENING)):
        window = window_of(board, session)
        if window and window.trades_from <= at < window.until:
            return place
    return Place.NOWHERE


def _bid(simulation: Simulation, symbol: Symbol, session: Session, at: datetime) -> int:
    levels = simulation.engine.liquidity.levels(symbol, Side.BUY, session, second_of(session, at))
    return sum(level.quantity for level in levels)


def _in_the_auction(simulation: Simulation, symbol: Symbol, session: Session) -> int:
    """Return what the auction would have bought beyond our fills; at the lower limit there are no buyers."""
    path = simulation.exchange.path(symbol, session)
    if path.ended_by or path.close_price == path.limits.lower:
        return 0
    share = simulation.engine.liquidity.auction_share(symbol, path.closing_volume)
    fills = (
        fill.quantity
        for order in broker_account(simulation).orders
        if order.symbol == symbol and order.side is Side.SELL
        for fill in order.fills
        if fill.at == session.ends_at
    )
    return max(0, share - sum(fills))
