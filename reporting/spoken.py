"""The language in which this process speaks to a person: English unless another is chosen. JSON is always English."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from unicodedata import east_asian_width

from reporting.sentences import Language, command_line_words

_DEFAULT: Final[Language] = "en"
_KEPT: Final = 1_000
"""Texts. The live table says the same ones again and again."""
_spoken: list[Language] = [_DEFAULT]
_programs: dict[str, str] = {}


def speak(language: Language) -> None:
    """Choose the language of all later sentences."""
    _spoken[0] = language


def rename(programs: Mapping[str, str]) -> None:
    """Choose the names of programs in all later sentences, by the names of their files."""
    _programs.clear()
    _programs.update(programs)


def named(text: str) -> str:
    """Return a text with the programs as the user starts them: `haru-starter` for `python starter.py`."""
    for file, program in _programs.items():
        text = re.sub(rf"(python )?\b{re.escape(file)}\b", program, text)
    return text


def say(text: str) -> str:
    """Return a sentence of ours in the language of the command line; any other text unchanged."""
    return named(text if _spoken[0] == _DEFAULT else _translated(_spoken[0], text))


@lru_cache(_KEPT)
def _translated(language: Language, text: str) -> str:
    return command_line_words(language).say_parts(text)


def label(group: str, name: str) -> str:
    """Return the label of a name in a group of the words, such as a worker's state."""
    return name if _spoken[0] == _DEFAULT else command_line_words(_spoken[0]).of(group, name)


def padded(text: str, width: int) -> str:
    """Fill a text with blanks to a number of columns. A Korean character takes two."""
    taken = sum(2 if east_asian_width(each) in "FW" else 1 for each in text)
    return text + " " * (width - taken)


def say_each(texts: Iterable[str]) -> list[str]:
    """Return each sentence in the language of the command line."""
    return [say(text) for text in texts]
