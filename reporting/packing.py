"""Whole numbers as short text: Base64 VLQ, as source maps use it. A session of minute bars takes about 2 kB."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def packed(numbers: Iterable[int]) -> str:
    """Return the numbers as text; small ones take one character. ``report.js`` reads them back."""
    return "".join(map(_one, numbers))


def steps(numbers: Iterable[int]) -> list[int]:
    """Return the first number and the differences after it."""
    return [after - before for before, after in pairwise([0, *numbers])]


def _one(number: int) -> str:
    rest, text = (abs(number) << 1) | (number < 0), ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += _DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text
