"""The words of a verdict, and its page beside the backtest's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from domain.verdict import CONCLUSIONS, Conclusion
from lab.evidence.judging import Check, Judgement
from lab.results import Settings
from reporting.page import page
from reporting.sentences import Language, command_line_words
from reporting.writing import suffixed
from security.private_files import write_private

NAME: Final = "verdict"
TITLES: Final[Mapping[str, str]] = {
    "data": "unbiased data",
    "soundness": "sound days",
    "sample": "least sample",
    "net": "net result",
    "random": "random entries",
    "held": "open to close",
    "deflated": "number of variants",
    "record": "length of record",
    "concentration": "best parts removed",
    "decay": "change over time",
    "capacity": "largest size",
    "slippage": "slippage included",
}
METHOD: Final = (
    "The unit is the day: intervals come from a stationary bootstrap of sessions (Politis and Romano 1994).",
    "Deflated Sharpe ratio: Bailey and López de Prado 2014, over the variants that sweeps and backtests have recorded.",
    "Length of record: minimum track record length, Bailey and López de Prado 2012, at 95 %.",
    "Random entries buy a random stock of the same session at a random minute of the strategy's own entries.",
    "Price and time rules sell them. A strategy's own exits are not replayed, for its own entries neither.",
    "Largest size: impact by the square-root law on the session's turnover, and a tenth of the turnover of the minute.",
)
PASSED: Final = "holds"
FAILED: Final = "fails"
SHOWN: Final = "shown only"


def holds_text(check: Check) -> str:
    """Return whether a check holds, in a word; one that a pass does not need is only shown."""
    if not check.required:
        return SHOWN
    return PASSED if check.holds else FAILED


def plain(settings: Settings, judgement: Judgement) -> dict[str, Any]:
    """Return a verdict as plain values; its texts are English."""
    return {
        "kind": NAME,
        "strategy": settings.strategy,
        "version": settings.version,
        "source": settings.sources.get(settings.strategy, ""),
        "backtest": settings.id,
        "first": settings.first,
        "last": settings.last,
        "rules": {name: text for name, text in settings.rules.items() if name != "strategy.names"},
        "conclusion": judgement.conclusion.value,
        "checks": [
            {"name": each.name, "holds": each.holds, "required": each.required, "text": each.text}
            for each in judgement.checks
        ],
        "figures": judgement.figures,
    }


def write_verdict(folder: Path, settings: Settings, judgement: Judgement, language: Language) -> Path:
    """Write ``verdict.json`` and the page into a backtest's folder; return the page's path."""
    values = plain(settings, judgement)
    write_private(folder / f"{NAME}.json", json.dumps(values, ensure_ascii=False, indent=1))
    path = folder / suffixed(NAME, language)
    write_private(path, page(values | _said(judgement.checks, judgement.conclusion, language), language) + "\n")
    return path


def _said(checks: Sequence[Check], conclusion: Conclusion, language: Language) -> dict[str, Any]:
    """Return what the page says in its language."""
    say = command_line_words(language).say_parts
    return {
        "said": say(CONCLUSIONS[conclusion]),
        "is_pass": conclusion is Conclusion.PASS,
        "findings": [
            {
                "title": say(TITLES[each.name]),
                "holds": say(holds_text(each)),
                "tone": _tone(each),
                "text": say(each.text),
            }
            for each in checks
        ],
        "method": [say(each) for each in METHOD],
        "report": suffixed("report", language),
    }


def _tone(check: Check) -> str:
    if not check.required:
        return "soft"
    return "" if check.holds else "level-error"
