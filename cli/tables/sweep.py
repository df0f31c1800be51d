"""The result of a sweep and its progress, as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from cli.tables.backtest import clock
from cli.tables.terminal import Terminal
from lab.sweep.run import SweepProgress
from reporting.spoken import label, say

CAUSES: Final = {
    "later": "sold at another second",
    "size": "another number of shares",
    "fill": "filled at another price",
    "costs": "costs rounded elsewhere",
    "reason": "sold for another reason",
    "carried": "not sold by the close",
    "follows": "follows from an earlier difference",
    "unsound": "the backtest's day is not sound",
    "unexplained": "UNEXPLAINED cause",
}

KERNELS: Final = {
    "functions": "functions of screening, strategy and exits",
    "compiled entries": "compiled entry rules, functions for the rest",
    "compiled exits": "functions for the entries, compiled exits",
    "compiled": "compiled entry rules and exits",
}


def sweep_line(progress: SweepProgress) -> str:
    """Return one line: finished sessions, trials, time left, and failed calls."""
    parts = [say(f"{progress.done}/{progress.of} days"), say(f"{progress.trials:,} trials")]
    if progress.left is not None:
        parts.append(say(f"{clock(progress.left)} left"))
    if progress.faults:
        parts.append(say(f"{progress.faults:,} calls of strategies failed"))
    return " · ".join(parts)


def print_sweep(console: Terminal, values: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print the result."""
    console.say(f"Sweep {values['id']}: {values['trials']:,} trials, {values['sessions']} sessions")
    if values["kernels"]:
        console.say(f"Kernel: {' · '.join(say(KERNELS[each]) for each in values['kernels'])}")
    console.say(f"{values['earning']:,} of {values['trials']:,} trials earn after costs over the whole stretch")
    console.say("Walk-forward: what the sessions of each training chose, and what it earned in the test after them")
    console.print(_windows(values["windows"]))
    test = values["test"]
    console.say(
        f"Test sessions together: {test['trades']:,} trades, net {test['net']:+,} won, {test['net_bp']:+.1f} bp; "
        f"the training sessions that chose them: {values['train']['net_bp']:+.1f} bp"
    )
    console.say("Best over the whole stretch; the choice knows the result, so it proves nothing:")
    console.print(_best(values["best"]))
    for each in values["confirmed"]:
        _print_confirmed(console, each)
    console.print(" · ".join(map(str, written)), soft_wrap=True)


def _print_confirmed(console: Terminal, values: Mapping[str, Any]) -> None:
    """Print where a backtest of a trial differs from the kernel."""
    console.say(
        f"Backtest of {rules_text(values['rules'])}: {values['agreed']:,} of {values['of']:,} trades agree, "
        f"net {values['backtest_net']:+,} won ({values['kernel_net']:+,} here)"
    )
    if not values["differences"]:
        return
    table = Table(box=None)
    for name in ("session", "stock", "bought at", "cause", "here", "backtest", "won apart"):
        table.add_column(say(name), justify="right" if name == "won apart" else "left")
    for each in values["differences"]:
        reasons = (label("reasons", each[side]) if each[side] else "–" for side in ("kernel", "backtest"))
        cause = say(CAUSES[each["cause"]])
        table.add_row(each["date"], each["symbol"], each["bought_at"], cause, *reasons, f"{each['won']:+,}")
    console.print(table)


def rules_text(rules: Mapping[str, str]) -> str:
    """Return swept rules in short."""
    return " ".join(f"{rule.rpartition('.')[2]}={text}" for rule, text in rules.items())


def _windows(windows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None)
    for name in ("test sessions", "values tried", "train bp", "test bp", "test trades", "test net"):
        table.add_column(say(name), justify="left" if name in {"test sessions", "values tried"} else "right")
    for each in windows:
        table.add_row(
            f"{each['test_from']} – {each['test_to']}",
            rules_text(each["rules"]),
            f"{each['train']['net_bp']:+.1f}",
            f"{each['test']['net_bp']:+.1f}",
            f"{each['test']['trades']:,}",
            f"{each['test']['net']:+,}",
        )
    return table


def _best(best: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None)
    for name in ("values tried", "trades", "net", "bp", "Sharpe", "neighbours that earn", "their median"):
        table.add_column(say(name), justify="left" if name == "values tried" else "right")
    for each in best:
        near = each["fragility"]
        table.add_row(
            rules_text(each["rules"]),
            f"{each['trades']:,}",
            f"{each['net']:+,}",
            f"{each['net_bp']:+.1f}",
            "–" if each["sharpe"] is None else f"{each['sharpe']:.2f}",
            f"{near['earning']}/{near['neighbours']}",
            f"{near['median']:+,}",
        )
    return table
