"""The language of the command line: English, or Korean with `HARU_LANGUAGE=ko`. JSON is the same in every language."""

import os
from collections.abc import Iterable
from typing import Final

from reporting.sentences import LANGUAGES, Language, words

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
    return text if _spoken[0] == _DEFAULT else words(_spoken[0]).say(text)


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
