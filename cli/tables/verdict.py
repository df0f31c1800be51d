"""A verdict as text."""

from pathlib import Path
from typing import Final

from rich.table import Table

from cli.tables.terminal import Terminal
from domain.verdict import CONCLUSIONS, Conclusion
from lab.evidence.judging import Judgement
from lab.evidence.wording import METHOD, TITLES, holds_text
from lab.results import Settings
from reporting.spoken import say

_STYLES: Final = {Conclusion.PASS: "green", Conclusion.NOT_ENOUGH: "yellow", Conclusion.NO_EDGE: "red"}


def print_verdict(console: Terminal, settings: Settings, judgement: Judgement, page: Path, index: Path) -> None:
    """Print the conclusion and every check."""
    source = settings.sources.get(settings.strategy, "")[:12]
    console.say(f"{settings.strategy} {settings.version} ({source}), {settings.first} to {settings.last}")
    console.print(say(CONCLUSIONS[judgement.conclusion]).upper(), style=_STYLES[judgement.conclusion])
    table = Table(box=None, show_header=False)
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column()
    for check in judgement.checks:
        table.add_row(say(TITLES[check.name]), say(holds_text(check)), say(check.text))
    console.print(table)
    for line in METHOD:
        console.print(f"  - {say(line)}", soft_wrap=True)
    console.say(f"Page: {page}")
    console.say(f"All reports: {index}")
