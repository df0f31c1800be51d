"""The built-in screening filters; name one in ``screening.custom_filters`` to use it."""

from decimal import Decimal
from typing import Final

from domain.screening import ScreenedStock

_NEAR: Final = Decimal("0.98")


def rising(stock: ScreenedStock) -> bool:
    """Keep stocks that trade above the previous close."""
    return stock.view.quote.change_rate > 0


def near_day_high(stock: ScreenedStock) -> bool:
    """Keep stocks that trade within 2 % of the day's high."""
    return stock.view.quote.price >= stock.view.quote.high_price * _NEAR


FILTERS: Final = (rising, near_day_high)
