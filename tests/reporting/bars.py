"""Recorded bars for reports, and how a page's packed numbers are read back."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

from domain.bar import DailyBar, MinuteBar

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
TEN = 10 * 60
"""Ten o'clock, as minutes since midnight."""


def unpacked(text: str) -> list[int]:
    """Read Base64 VLQ."""
    found, value, shift = list[int](), 0, 0
    for each in text:
        digit = DIGITS.index(each)
        value, shift = value + ((digit & 31) << shift), shift + 5
        if not digit & 32:
            found.append(-(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    return found


def closes_of(prices: Mapping[str, Any]) -> list[int]:
    """Return the closes of a chart's bars."""
    return [bar[3] for bar in bars_in(prices)]


def bars_in(prices: Mapping[str, Any]) -> list[tuple[int, int, int, int]]:
    """Return open, high, low and close of a chart's bars."""
    numbers, close, found = iter(unpacked(prices["bars"])), 0, list[tuple[int, int, int, int]]()
    for opened, moved, above, below in zip(numbers, numbers, numbers, numbers, strict=True):
        first = close + opened
        close = first + moved
        found.append((first, max(first, close) + above, min(first, close) - below, close))
    return [tuple(each * prices["unit"] for each in bar) for bar in found]


def line_in(prices: Mapping[str, Any], name: str) -> list[int]:
    """Return the values of a line on a chart."""
    return [each * prices["unit"] for each in accumulate(unpacked(prices[name]))]


def minutes(closes: Sequence[int], since: int = TEN, volume: int = 10) -> list[MinuteBar]:
    """Return a bar a minute, each from the close before to its own."""
    opens = [closes[0], *closes[:-1]]
    return [
        MinuteBar(since + place, opened, max(opened, close), min(opened, close), close, volume)
        for place, (opened, close) in enumerate(zip(opens, closes, strict=True))
    ]


def a_daily_bar(day: date, opened: int, close: int, **changes: Any) -> DailyBar:
    """Return a session that rose or fell from open to close."""
    return DailyBar(day, opened, max(opened, close), min(opened, close), close, 1_000)._replace(**changes)
