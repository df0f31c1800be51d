"""What happens to an order, told to whoever listens: the ground of the stream's notices."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from domain.money import Price
from simulator.orders import Order


class OrderEventKind(Enum):
    """What has happened."""

    ACCEPTED = auto()
    FILLED = auto()
    CONFIRMED = auto()
    DROPPED = auto()
    REJECTED = auto()


class OrderEvent(NamedTuple):
    """One event; ``quantity`` in shares, ``price`` in won (of the order, or of the fill), ``at`` the market instant.

    ``CONFIRMED`` speaks of an amendment or a cancellation, ``DROPPED`` of what an IOC or FOK order left over,
    ``REJECTED`` of an order that the exchange throws out after the broker has taken it.
    """

    kind: OrderEventKind
    order: Order
    quantity: int
    price: Price
    at: datetime


Listener = Callable[[OrderEvent], None]
