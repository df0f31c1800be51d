"""Render values as one self-contained HTML page that may fetch nothing."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from domain.clock import in_seoul

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")
_HERE: Final = Path(__file__).parent
_MINUS: Final = "−"
_NOTHING: Final = "–"
_BETWEEN_REASONS: Final = " · "
_DECIMALS: Final[Mapping[str, int]] = {"percent": 2, "ticks": 2, "factor": 2, "minutes": 1}


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
            if "{" in template and (gaps := _sentence(template).fullmatch(text)):
                return translated.format(**gaps.groupdict())
        return text

    def told(self, detail: Mapping[str, str | int]) -> Iterator[str]:
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
    """Return a pattern that matches a sentence with such placeholders. A placeholder for a name matches one word."""
    gap = r"(?P<\1>\\S+)" if template.startswith("{symbol}") else r"(?P<\1>.+?)"
    return re.compile(re.sub(r"\\{(\w+)\\}", gap, re.escape(template)))


@cache
def words(language: Language) -> Words:
    """Return the texts of a language."""
    return Words(json.loads((_HERE / "words" / f"{language}.json").read_text(encoding="utf-8")))


def page(values: Mapping[str, Any], language: Language) -> str:
    """Return the report as HTML. Content of the books is shown as text: escaped, and blocked as a script."""
    said = words(language)
    library, script = _asset("echarts.common.min.js"), _asset("report.js")
    shown = {"values": values, "words": said.texts}
    return (
        _templates()
        .get_template(f"{values['kind']}.html.j2")
        .render(
            values=values,
            words=said,
            language=language,
            shown=shown,
            style=Markup(_asset("report.css")),  # noqa: S704 - our own file
            scripts=[Markup(library), Markup(script)],  # noqa: S704 - our own files
            policy=_policy(library, script),
        )
    )


def _policy(*scripts: str) -> str:
    """Return a content security policy: only these exact scripts run, and nothing is fetched."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


@cache
def _asset(name: str) -> str:
    return (_HERE / "assets" / name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "cell": cell,
        "signed": signed,
        "clock": clock,
        "moment": moment,
        "tone": tone,
    }
    return environment


def number(value: float | str | None) -> str:
    """Format a number with separators and without needless decimals; a text stays unchanged."""
    if value is None:
        return _NOTHING
    if isinstance(value, str):
        return value
    text = f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
    return text.replace("-", _MINUS)


def cell(value: float | str | None, column: str) -> str:
    """Format a number of a table column with the column's fixed decimals."""
    decimals = next((places for ending, places in _DECIMALS.items() if column.endswith(ending)), None)
    if value is None or isinstance(value, str) or decimals is None:
        return number(value)
    return f"{round(value, decimals) or 0:,.{decimals}f}".replace("-", _MINUS)


def signed(value: float | None) -> str:
    """Format a number with its sign."""
    return f"+{number(value)}" if value is not None and value > 0 else number(value)


def tone(value: float | None) -> str:
    """Return the CSS class that colours a gain or a loss."""
    if not value:
        return ""
    return "gain" if value > 0 else "loss"


def clock(milliseconds: int) -> str:
    """Format an instant as time of day in Seoul."""
    return f"{_seoul(milliseconds):%H:%M:%S}"


def moment(milliseconds: int) -> str:
    """Format an instant as date and time in Seoul."""
    return f"{_seoul(milliseconds):%Y-%m-%d %H:%M:%S}"


def _seoul(milliseconds: int) -> datetime:
    return in_seoul(datetime.fromtimestamp(milliseconds / 1000, UTC))
