"""A live day beside its replay, as text and as plain values."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from cli.tables.terminal import Terminal
from domain.position import ClosedTrade
from lab.parity.causes import Day, clock
from lab.parity.comparing import Comparison
from lab.parity.replay import Replay
from lab.parity.seen import SeenDay
from reporting.spoken import label, say


def comparison_values(seen: SeenDay, live: Day, replay: Replay, found: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "date": f"{seen.day}",
        "workers": replay.workers,
        "stocks": replay.gaps.stocks,
        "bytes": seen.size,
        "notes_missing": seen.missing,
        "problems": list(seen.problems),
        "left_out": dict(replay.gaps.left_out),
        "live": _side(live),
        "replay": _side(replay.day),
        "unexplained": found.unexplained,
        "causes": {cause.value: count for cause, count in found.causes.most_common()},
        "differences": [
            {**each._asdict(), "at": each.at.isoformat(), "cause": each.cause.value} for each in found.differences
        ],
    }


def replay_values(before: Replay, after: Replay, changes: Mapping[str, str]) -> dict[str, Any]:
    """Return what other rules would give, beside the replay with the rules in force."""
    return {
        "rules": dict(changes),
        "before": _side(before.day),
        "after": _side(after.day),
        "difference": after.net - before.net,
    }


def _side(day: Day) -> dict[str, Any]:
    trades = sorted(day.trades, key=lambda each: each.opened_at)
    return {"net": sum(each.net_pnl for each in trades), "trades": [_values(each) for each in trades]}


def _values(trade: ClosedTrade) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "worker": trade.worker_id,
        "opened": clock(trade.opened_at),
        "closed": clock(trade.closed_at),
        "shares": trade.quantity,
        "reason": trade.exit_reason.value,
        "net": trade.net_pnl,
    }


def print_comparison(
    console: Terminal, seen: SeenDay, compared: tuple[Day, Replay, Comparison], values: Mapping[str, Any]
) -> None:
    """Print both days and each difference with its cause."""
    live, replay, found = compared
    console.say(f"{seen.day}: recording of {seen.size / 1e6:.2f} MB, {replay.gaps.stocks} stocks")
    for problem in seen.problems:
        console.say(f"Recording: {say(problem)}")
    if seen.missing:
        console.say(f"Recording: {seen.missing:,} notes are missing")
    for symbol, why in replay.gaps.left_out.items():
        console.say(f"Not replayed: {symbol}, {say(why)}")
    console.say(f"Live: {len(live.trades)} trades, net {values['live']['net']:+,} won")
    console.say(f"Replay: {len(replay.day.trades)} trades, net {values['replay']['net']:+,} won")
    if found.differences:
        table = Table(box=None)
        for name in ("stock", "difference", "live", "replay", "cause", "evidence"):
            table.add_column(say(name))
        for each in found.differences:
            table.add_row(
                each.symbol, say(each.what), each.live, each.replay, say(each.cause.value), say(each.evidence)
            )
        console.print(table)
        for cause, count in found.causes.most_common():
            console.print(f"{count} × {say(cause.value)}")
    equal = sum(not differences for _, differences in found.pairs)
    console.say(f"{equal} trades equal, {len(found.differences)} differences, {found.unexplained} unexplained")
    console.say(f"Page: {values['html']}")


def print_what_if(console: Terminal, values: Mapping[str, Any]) -> None:
    """Print what other rules would give."""
    console.say(f"With {', '.join(f'{name}={text}' for name, text in values['rules'].items())}:")
    table = Table(box=None)
    for name in ("replay", "stock", "bought", "sold", "shares", "exit reason", "net"):
        table.add_column(say(name), justify="right" if name in {"shares", "net"} else "left")
    for side, title in (("before", "rules in force"), ("after", "other rules")):
        for each in values[side]["trades"]:
            shown = (each["symbol"], each["opened"], each["closed"], f"{each['shares']:,}")
            table.add_row(say(title), *shown, label("reasons", each["reason"]), f"{each['net']:+,}")
    console.print(table)
    before, after = values["before"]["net"], values["after"]["net"]
    console.say(f"Net {before:+,} won with the rules in force, {after:+,} with the others: {after - before:+,}")
