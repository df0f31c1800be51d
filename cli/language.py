"""The language of the command line: English, or Korean with `HARU_LANGUAGE=ko`. JSON is the same in every language."""

import os
from collections.abc import Iterable
from typing import Final
from unicodedata import east_asian_width

from reporting.sentences import LANGUAGES, Language, command_line_words

VARIABLE: Final = "HARU_LANGUAGE"
_DEFAULT: Final[Language] = "en"
_spoken: list[Language] = [_DEFAULT]


def use_configured_language() -> None:
    """Speak the language of the environment, else that of the settings' file. Settings refuse any other value later."""
    wanted = os.environ.get(VARIABLE) or _in_the_file()
    _spoken[0] = next((each for each in LANGUAGES if each == wanted.strip().lower()), _DEFAULT)


def language() -> Language:
    """Return the language of this process's command line."""
    return _spoken[0]


def say(text: str) -> str:
    """Return a sentence of ours in the language of the command line; any other text unchanged."""
    return text if _spoken[0] == _DEFAULT else command_line_words(_spoken[0]).say_parts(text)


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


def _in_the_file() -> str:
    from runtime.env_file import EnvFileError, env_file, read_env_file  # noqa: PLC0415 - only where it is not set

    try:
        read = read_env_file(env_file())
    except EnvFileError:
        return ""
    return next((value for name, value in read.items() if name.upper() == VARIABLE), "")
