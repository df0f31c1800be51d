"""The page's words: those of its views and those of its commands."""

from collections.abc import Mapping
from typing import Any

from reporting.sentences import Language, Words, command_line_words


def page_words(language: Language) -> Words:
    """Return the sentences of a language, with all words of the page under ``web``."""
    said = command_line_words(language)
    together: Mapping[str, Any] = {**said["web"], **said["web_control"]}
    return Words({**said.texts, "web": together})
