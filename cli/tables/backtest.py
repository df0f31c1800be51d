"""The result of a backtest and its progress, as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from cli.tables.terminal import Terminal
from lab.backtest import Progress
from reporting.spoken import label, say


def progress_line(progress: Progress) -> str:
    """Return one line: finished days, time left, and the last day."""
    parts = [say(f"{progress.done}/{progress.of} days")]
    if progress.other:
        parts.append(say(f"no finished day to keep: {', '.join(progress.other)} differ from the last run's"))
    if progress.left is not None:
        parts.append(say(f"{clock(progress.left)} left"))
    if day := progress.last:
        parts.append(f"{day.date} {say(f'{len(day.trades)} trades')}")
        parts += [] if day.is_sound else [say("NOT SOUND")]
    return " · ".join(parts)


def print_summary(console: Terminal, values: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print the result."""
    console.say(f"Backtest {values['id']}: {values['sessions']} sessions, {values['stock_days']:,} stock-days")
    console.say("Data:")
    for gap in values["gaps"]:
        console.print(f"  - {say(gap)}", soft_wrap=True)
    console.print(f"{say('Fills')}: {say(values['fill_rule'])}", soft_wrap=True)
    table = Table(box=None, show_header=False)
    for name, value in _rows(values):
        table.add_row(say(name), value)
    console.print(table)
    costs = values["slippage"]
    console.say(f"Slippage ({costs['model']}): {costs['modelled'] + costs['extra']:+,} won; net {costs['net']:+,} won")
    console.print(_reasons(values))
    if values["not_bought"]:
        refusals = ", ".join(f"{reason} ×{count:,}" for reason, count in values["not_bought"].items())
        console.say(f"Candidates not bought: {refusals}")
    for day in values["unsound"]:
        for problem in day["problems"]:
            console.say(f"NOT SOUND {day['date']}: {problem}")
    for day, shares in values["carried"].items():
        listed = ", ".join(f"{symbol} ×{count:,}" for symbol, count in shares.items())
        console.say(f"UNSOLD {day}: {listed}; the net result leaves them out")
    console.say(f"Trades {values['hash']} · {' · '.join(map(str, written))}")


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("trades", f"{values['trades']:,}"),
        ("win rate", f"{values['win_rate']:.1%}"),
        ("gross", say(f"{values['gross']:+,} won")),
        ("costs", say(f"{values['commission'] + values['tax']:,} won")),
        ("net", say(f"{values['net']:+,} won")),
        ("drawdown", say(f"{values['drawdown']:,} won")),
    ]
    return [*rows, *((name, f"{value}") for name, value in values["ratios"].items())]


def _reasons(values: Mapping[str, Any]) -> Table:
    table = Table(box=None)
    for name in ("exit reason", "trades", "wins", "net"):
        table.add_column(say(name), justify="left" if name == "exit reason" else "right")
    for reason, row in values["exit_reasons"].items():
        table.add_row(label("reasons", reason), f"{row['trades']:,}", f"{row['wins']:,}", f"{row['net']:+,}")
    return table


def clock(seconds: float) -> str:
    """Return minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
