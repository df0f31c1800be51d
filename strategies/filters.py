"""The fleet's own screening filters: add yours here, and name it in ``screening.custom_filters`` to use it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.errors import BadRulesError
from domain.screening import CustomFilter, ScreenedStock

_NEAR: Final = Decimal("0.98")


def rising(stock: ScreenedStock) -> bool:
    """Keep stocks that trade above the previous close."""
    return stock.view.quote.change_rate > 0


def near_day_high(stock: ScreenedStock) -> bool:
    """Keep stocks that trade within 2 % of the day's high."""
    return stock.view.quote.price >= stock.view.quote.high_price * _NEAR


KNOWN_FILTERS: Final[Mapping[str, CustomFilter]] = MappingProxyType({"rising": rising, "near_day_high": near_day_high})


def filters_named(names: Sequence[str]) -> dict[str, CustomFilter]:
    """Return the filters in the order of their names.

    Raises:
        BadRulesError: a name is unknown.
    """
    unknown = [name for name in names if name not in KNOWN_FILTERS]
    if unknown:
        known = ", ".join(sorted(KNOWN_FILTERS))
        raise BadRulesError(f"screening.custom_filters: {', '.join(unknown)}; choose among {known}")
    return {name: KNOWN_FILTERS[name] for name in names}
