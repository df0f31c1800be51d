"""Render values as one self-contained HTML page that may fetch nothing."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from domain.clock import in_seoul
from reporting.sentences import Language, Words, number, words

_HERE: Final = Path(__file__).parent
_MINUS: Final = "−"
_DECIMALS: Final[Mapping[str, int]] = {"percent": 2, "ticks": 2, "factor": 2, "minutes": 1, "_bp": 1}


_DRAWN: Final = (
    *("opens_at", "ends_at", "equity", "tables", "days", "left"),
    *("distribution", "groups", "comparison", "charts"),
)
_OF_A_TRADE: Final = (
    *("symbol", "name", "worker", "exit_reason", "opened_at", "closed_at", "entry_price", "exit_price"),
    *("net", "net_bp", "slippage", "entry_ticks", "exit_ticks", "adverse_bp", "favourable_bp"),
)
_WITHOUT_CHARTS: Final = frozenset({"index", "parity", "sweep", "verdict"})
_WORDS: Final = ("language", "won", "chart", "reasons", "strategies", "denials", "classes", "lines", "notes")


def page(values: Mapping[str, Any], language: Language) -> str:
    """Return the report as HTML. Content of the books is shown as text: escaped, and blocked as a script."""
    said = words(language)
    drawn = () if values["kind"] in _WITHOUT_CHARTS else ("echarts.common.min.js", "report.js", "research.js")
    scripts = [_asset(name) for name in drawn]
    shown = {"values": _drawn(values, said), "words": {name: said[name] for name in _WORDS}}
    return (
        _templates()
        .get_template(f"{values['kind']}.html.j2")
        .render(
            values=values,
            words=said,
            language=language,
            shown=shown,
            style=Markup(_asset("report.css")),  # noqa: S704 - our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            policy=_policy(*scripts),
        )
    )


def _drawn(values: Mapping[str, Any], said: Words) -> dict[str, Any]:
    """Return what the scripts draw. Everything else is in the page already."""
    trades = [
        {name: trade[name] for name in _OF_A_TRADE} | {"why": said.say(trade["why"])}
        for trade in values.get("trades", ())
    ]
    return {name: values[name] for name in _DRAWN if name in values} | {"trades": trades}


def _policy(*scripts: str) -> str:
    """Return a content security policy: only these exact scripts run, and nothing is fetched."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    allowed = hashes or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


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


def cell(value: float | str | None, column: str) -> str:
    """Format a number of a table column with the column's fixed decimals."""
    decimals = next((places for ending, places in _DECIMALS.items() if column.endswith(ending)), None)
    if value is None or isinstance(value, str) or decimals is None:
        return number(value)
    return f"{round(value, decimals) or 0:,.{decimals}f}".replace("-", _MINUS)


def signed(value: float | None, column: str = "") -> str:
    """Format a number with its sign, with the decimals of a column if one is named."""
    text = cell(value, column)
    return f"+{text}" if value is not None and value > 0 else text


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
