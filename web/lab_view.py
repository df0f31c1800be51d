"""Backtests, sweeps and verdicts: a list, and two of them side by side."""

import json
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from reporting.listing import BACKTESTS, SWEEPS, index_values
from reporting.sentences import Language

_FIGURES: Final = (
    *("first", "last", "sessions", "trades", "win_percent", "net", "gross", "costs", "drawdown", "profit_factor"),
    *("expectancy", "sharpe", "sortino", "calmar"),
)
_OF_A_SWEEP: Final = ("first", "last", "sessions", "trials", "train_bp", "test_bp", "test_net", "test_trades")
_BETTER_IF_MORE: Final = frozenset(
    {
        *("win_percent", "net", "gross", "profit_factor", "expectancy", "sharpe", "sortino"),
        "calmar",
        "test_bp",
        "test_net",
    }
)


def read_lab(data: Path, language: Language) -> dict[str, Any]:
    """Return the results in the data folder, the newest first, with the links of their pages."""
    found = index_values(data / "reports", language, ())
    return {
        "backtests": [_linked(each) for each in found["backtests"]],
        "sweeps": [_linked(each) for each in found["sweeps"]],
        "unreadable": found["unreadable"],
    }


def read_pair(data: Path, language: Language, names: tuple[str, str]) -> dict[str, Any] | None:
    """Return two results of one kind side by side; None if one is missing or they are of two kinds."""
    listed = read_lab(data, language)
    for kind, figures in ((BACKTESTS, _FIGURES), (SWEEPS, _OF_A_SWEEP)):
        rows = {str(each["id"]): each for each in listed[kind]}
        if all(name in rows for name in names):
            pair = [_result(data / kind / rows[name]["folder"], rows[name]) for name in names]
            curves = [{"own": True, "dates": each["dates"], "results": each["equity"]} for each in pair]
            return {
                "curves": {"lines": curves},
                "kind": kind,
                "pair": pair,
                "figures": [_figure(name, pair) for name in figures],
                **_rules(pair),
            }
    return None


def _linked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the index with links from the page's own folder, and the result's folder."""
    verdict = row.get("verdict")
    return {
        **row,
        "page": _link(row.get("page")),
        "folder": str(row.get("id")),
        "verdict": None if verdict is None else {**verdict, "page": _link(verdict["page"])},
    }


def _link(page: str | None) -> str | None:
    return None if page is None else page.removeprefix("../")


def _result(folder: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    values = _read(folder / "report.json")
    ratios, test = values.get("ratios") or {}, values.get("test") or {}
    days = [each for each in values.get("days", ()) if isinstance(each, dict)]
    return {
        **{name: values.get(name) for name in ("profit_factor", "expectancy", "gross")},
        **{name: ratios.get(name) for name in ("sortino", "calmar")},
        **row,
        "test_trades": test.get("trades"),
        "rules": {str(name): str(value) for name, value in dict(values.get("rules") or {}).items()},
        "dates": [str(each.get("date")) for each in days],
        "equity": list(accumulate(int(each.get("net") or 0) for each in days)),
    }


def _figure(name: str, pair: list[dict[str, Any]]) -> dict[str, Any]:
    first, second = (each.get(name) for each in pair)
    difference = None
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        difference = round(second - first, 4)
    tone = difference if name in _BETTER_IF_MORE else -difference if difference and name in ("drawdown", "costs") else 0
    return {"name": name, "values": [first, second], "difference": difference, "tone": tone or 0}


def _rules(pair: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rules in which the two differ."""
    first, second = (each["rules"] for each in pair)
    names = sorted(first.keys() | second.keys())
    return {
        "rules": [(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)]
    }


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
