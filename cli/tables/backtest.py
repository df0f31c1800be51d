"""The result of a backtest and its progress, as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from cli.tables.terminal import Terminal
from lab.backtest import Progress


def progress_line(progress: Progress) -> str:
    """Return one line: finished days, time left, and the last day."""
    left = "" if progress.left is None else f", {_clock(progress.left)} left"
    day = progress.last
    last = "" if day is None else f" · {day.date} {len(day.trades)} trades{'' if day.is_sound else ' NOT SOUND'}"
    return f"{progress.done}/{progress.of} days{left}{last}"


def print_summary(console: Terminal, values: Mapping[str, Any], written: Path, page: Path) -> None:
    """Print the result."""
    say = console.say
    say(f"Backtest {values['id']}: {values['sessions']} sessions, {values['stock_days']:,} stock-days")
    say("The data lacks:")
    for gap in values["gaps"]:
        say(f"  - {gap}")
    say(f"Fills: {values['fill_rule']}")
    table = Table(box=None, show_header=False)
    for name, value in _rows(values):
        table.add_row(name, value)
    console.print(table)
    console.print(_reasons(values))
    for day in values["unsound"]:
        for problem in day["problems"]:
            say(f"NOT SOUND {day['date']}: {problem}")
    for day, shares in values["carried"].items():
        listed = ", ".join(f"{symbol} ×{count:,}" for symbol, count in shares.items())
        say(f"UNSOLD {day}: {listed}; the net result leaves them out")
    say(f"Trades {values['hash']} · {written} · {page}")


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("trades", f"{values['trades']:,}"),
        ("win rate", f"{values['win_rate']:.1%}"),
        ("gross", f"{values['gross']:+,} won"),
        ("costs", f"{values['commission'] + values['tax']:,} won"),
        ("net", f"{values['net']:+,} won"),
        ("drawdown", f"{values['drawdown']:,} won"),
    ]
    return [*rows, *((name, f"{value}") for name, value in values["ratios"].items())]


def _reasons(values: Mapping[str, Any]) -> Table:
    table = Table(box=None)
    for name in ("exit reason", "trades", "wins", "net"):
        table.add_column(name, justify="left" if name == "exit reason" else "right")
    for reason, row in values["exit_reasons"].items():
        table.add_row(reason, f"{row['trades']:,}", f"{row['wins']:,}", f"{row['net']:+,}")
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
