"""Order events for listeners: the source of the stream's notices."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from simulator.krx.units import Price
from simulator.orders import Order


class OrderEventKind(Enum):
    """Kinds of order events."""

    ACCEPTED = auto()
    FILLED = auto()
    CONFIRMED = auto()
    DROPPED = auto()
    REJECTED = auto()


class OrderEvent(NamedTuple):
    """One event; ``quantity`` in shares, ``price`` in won (of the order, or of the fill), ``at`` the market instant.

    ``CONFIRMED`` is an amendment or a cancellation, ``DROPPED`` the unfilled rest of an IOC or FOK order, ``REJECTED``
    an order that the exchange rejects after the broker has accepted it.
    """

    kind: OrderEventKind
    order: Order
    quantity: int
    price: Price
    at: datetime


Listener = Callable[[OrderEvent], None]
