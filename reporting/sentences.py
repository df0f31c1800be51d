"""The texts of each language: labels by name, and our own sentences by their English wording."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")
_HERE: Final = Path(__file__).parent
_MINUS: Final = "−"
_NOTHING: Final = "–"
_BETWEEN_REASONS: Final = " · "
_JOINT: Final = re.compile(r"[;:] ")
_COMMA: Final = re.compile(r", ")


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a language. A name without a translation is shown unchanged."""

    texts: Mapping[str, Any]

    def __getitem__(self, group: str) -> Any:
        return self.texts[group]

    def of(self, group: str, name: str) -> str:
        """Return the text of a name from outside, such as an exit reason."""
        return str(self.texts[group].get(name, name))

    def say(self, text: str) -> str:
        """Translate a sentence of our own code into this language; return any other text unchanged.

        Reasons joined with a middle dot are translated one by one. `said_before` has those of earlier versions.
        """
        if _BETWEEN_REASONS in text:
            return _BETWEEN_REASONS.join(self.say(each) for each in text.split(_BETWEEN_REASONS))
        said: Mapping[str, str] = {**self.texts["said"], **self.texts["said_before"]}
        if text in said:
            return said[text]
        for template, translated in said.items():
            begins = "{" in template and text.startswith(template.partition("{")[0])
            if begins and (gaps := _sentence(template).fullmatch(text)):
                return translated.format(**{name: self._filled(name, gap) for name, gap in gaps.groupdict().items()})
        return text

    def _filled(self, name: str, gap: str) -> str:
        """Return what stands in a gap. A gap named `text…` holds another sentence."""
        return self.say_parts(gap) if name.startswith("text") else gap

    def say_parts(self, text: str) -> str:
        """Translate a text that may be composed of sentences: whole, else line by line and part by part."""
        for joint in ("\n", _BETWEEN_REASONS):
            if joint in text:
                return joint.join(self.say_parts(each) for each in text.split(joint))
        bare = text.strip()
        if not bare or (said := self.say(bare)) != bare:
            return text.replace(bare, said) if bare else text
        between = _JOINT.search(text) or _COMMA.search(text)
        if between is None:
            return text
        return f"{self.say_parts(text[: between.start()])}{between[0]}{self.say_parts(text[between.end() :])}"

    def details(self, detail: Mapping[str, str | int]) -> Iterator[str]:
        """Yield an event's details in the order of our words. An operator's text stays unchanged."""
        known = list(self.texts["details"])
        for name in sorted(detail, key=lambda each: (known.index(each) if each in known else len(known), each)):
            value = detail[name]
            if name == "denial":
                value = self.of("denials", str(value))
            elif isinstance(value, str) and not (name == "reason" and "by" in detail):
                value = self.say(value)
            yield f"{self.of('details', name)}: {number(value)}"


@cache
def _sentence(template: str) -> re.Pattern[str]:
    """Return a pattern that matches a sentence with such placeholders. A name that begins a sentence is one word."""
    pattern = re.escape(template)
    if template.startswith("{symbol}"):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", pattern)
    pattern = re.sub(r"^\\{(?!text|reason)(\w+)\\}", r"(?P<\1>\\S+)", pattern)
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", pattern))


@cache
def command_line_words(language: Language) -> Words:
    """Return the texts of a language with the sentences of the command line, the longest first."""
    texts = words(language).texts
    own = json.loads((_HERE / "words" / f"cli.{language}.json").read_text(encoding="utf-8"))
    said = {**texts["reasons"], **own, **texts["said"]}
    longest_first = sorted(said, key=lambda each: len(re.sub(r"\{\w+\}", "", each)), reverse=True)
    return Words({**texts, "said": {each: said[each] for each in longest_first}})


@cache
def words(language: Language) -> Words:
    """Return the texts of a language."""
    return Words(json.loads((_HERE / "words" / f"{language}.json").read_text(encoding="utf-8")))


def number(value: float | str | None) -> str:
    """Format a number with separators and without needless decimals; a text stays unchanged."""
    if value is None:
        return _NOTHING
    if isinstance(value, str):
        return value
    text = f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
    return text.replace("-", _MINUS)
