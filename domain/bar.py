"""Recorded prices: one minute or one session of a stock, one minute of an index. Won, shares and points."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple


class MinuteBar(NamedTuple):
    """The trades of one minute. ``minute`` is the minute's start, counted from midnight KST (540 is 09:00)."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int | None = None


class DailyBar(NamedTuple):
    """The trades of one session, not adjusted. ``base`` is the previous close as the exchange states it."""

    date: date
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int | None = None
    base: int | None = None


class IndexBar(NamedTuple):
    """One minute of an index in points; ``minute`` as in ``MinuteBar``."""

    minute: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
