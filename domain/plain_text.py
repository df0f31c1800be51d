"""External text without terminal control: no control characters, no changes of the writing direction."""

import re
from typing import Final

_SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"
_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROLS: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_STEERING: Final = re.compile(f"[{_CONTROLS}{_DIRECTIONS}]")
_BREAKS: Final = re.compile(r"[\t\n]+")


def harmless(text: str, substitute: str = _SUBSTITUTE) -> str:
    """Return a text with only printable characters; line breaks and tabs stay."""
    return _STEERING.sub(substitute, text)


def one_line(text: str, longest: int = 120) -> str:
    """Return a text as one line of printable characters, cut to a length."""
    line = harmless(_BREAKS.sub(" ", text))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def escaped(text: str) -> str:
    """Return equivalent JSON with only printable characters."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
