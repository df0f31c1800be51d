"""What a strategy said on a day: screening, signals, order of candidates, exits; for people and as JSON."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap
from typing import Any, Final

from cli.strategy_day import Checked, Said, Scan
from cli.strategy_trials import Exit
from domain.clock import in_seoul
from domain.market import Symbol
from domain.money import change_rate

_SHOWN: Final = 40
"""Lines of a list in the text for people; JSON has all."""
_STOCKS_SHOWN: Final = 10
_WIDTH: Final = 80
_LEAST_TO_RANK: Final = 2


def day_lines(done: Checked) -> Iterator[str]:
    """Yield the day in lines of at most 80 columns."""
    yield f"{done.day}, {done.source}: {done.stocks} stocks, {done.looks:,} looks, {len(done.said)} signals"
    if done.without_reference:
        yield f"  {done.without_reference} stocks lack the day before, so that view.reference is None"
    yield from _screening(done)
    yield from _signals(done)
    yield from _candidates(done)
    yield from _exits(done)
    yield from (f"FAULT {count:,} times: {fault}" for fault, count in done.faults.most_common())


def _screening(done: Checked) -> Iterator[str]:
    dropped = _dropped(done.scans)
    if not dropped:
        return
    yield "Dropped by the screening, in looks:"
    yield from (f"  {name:<16}{count:>9,}" for name, count in dropped.most_common())
    by_stock: dict[Symbol, Counter[str]] = {}
    names = {drop.symbol: drop.name for drop in done.drops}
    for drop in done.drops:
        by_stock.setdefault(drop.symbol, Counter())[drop.filter] += drop.looks
    most = sorted(by_stock, key=lambda symbol: (-by_stock[symbol].total(), symbol))
    for symbol in most[:_STOCKS_SHOWN]:
        yield from _wrapped(f"{symbol} {names[symbol]}:", _counts(by_stock[symbol]))
    yield from _more(len(most) - _STOCKS_SHOWN)


def _signals(done: Checked) -> Iterator[str]:
    if done.said:
        yield "Signals to buy:"
    for each in sorted(done.said, key=lambda said: (said.since, said.symbol))[:_SHOWN]:
        times = f"{_clock(each.since)}–{_clock(each.until)}"
        yield f"  {times} {each.symbol} {each.name} {each.price:,} ({each.signal.confidence})"
        yield from _wrapped("  ", each.signal.reason)
        if each.dropped:
            yield f"    dropped by {each.dropped}"
    yield from _more(len(done.said) - _SHOWN)


def _candidates(done: Checked) -> Iterator[str]:
    """Yield the order of the candidates wherever it changes."""
    changed: list[Scan] = []
    last: list[Symbol] = []
    for scan in done.scans:
        order = [candidate.symbol for candidate in scan.candidates]
        if len(order) >= _LEAST_TO_RANK and order != last:
            changed.append(scan)
        last = order
    if changed:
        yield "Candidates in the order in which a worker tries them:"
    for scan in changed[:_SHOWN]:
        order_text = ", ".join(f"{each.symbol} {each.score:.2f}" for each in scan.candidates)
        yield from _wrapped(_clock(scan.at), order_text)
    yield from _more(len(changed) - _SHOWN)


def _exits(done: Checked) -> Iterator[str]:
    if done.exits:
        yield "Exits, had each signal bought at its price (no fills, no costs):"
    for each in done.exits[:_SHOWN]:
        name = f"{each.symbol} {each.name}"
        yield f"  {_clock(each.at)} {name} {each.price:,}, bought {_clock(each.bought_at)} at {each.bought:,}"
        yield f"    {change_rate(each.price, each.bought):+.1%} {each.reason}"
    yield from _more(len(done.exits) - _SHOWN)


def _dropped(scans: list[Scan]) -> Counter[str]:
    total: Counter[str] = Counter()
    for scan in scans:
        total.update(scan.dropped)
    return total


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())


def _wrapped(head: str, text: str) -> Iterator[str]:
    return iter(wrap(text, _WIDTH, initial_indent=f"  {head} ", subsequent_indent="      "))


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  … and {count} more; --json has all"


def _clock(at: datetime) -> str:
    return f"{in_seoul(at):%H:%M:%S}"


def day_values(done: Checked) -> dict[str, Any]:
    """Return the day for programs."""
    return {
        "day": done.day.isoformat(),
        "data": done.source,
        "stocks": done.stocks,
        "looks": done.looks,
        "without_reference": done.without_reference,
        "faults": dict(done.faults),
        "screening": dict(_dropped(done.scans)),
        "drops": [
            {
                "symbol": each.symbol,
                "name": each.name,
                "filter": each.filter,
                "since": _stamp(each.since),
                "until": _stamp(each.until),
                "looks": each.looks,
            }
            for each in done.drops
        ],
        "signals": [_signal(each) for each in done.said],
        "scans": [
            {
                "at": _stamp(scan.at),
                "dropped": dict(scan.dropped),
                "candidates": [{"symbol": each.symbol, "confidence": str(each.score)} for each in scan.candidates],
            }
            for scan in done.scans
        ],
        "exits": [_exit(each) for each in done.exits],
    }


def _signal(each: Said) -> dict[str, Any]:
    return {
        "symbol": each.symbol,
        "name": each.name,
        "since": _stamp(each.since),
        "until": _stamp(each.until),
        "price": each.price,
        "confidence": str(each.signal.confidence),
        "reason": each.signal.reason,
        "dropped_by": each.dropped,
    }


def _exit(each: Exit) -> dict[str, Any]:
    return {
        "symbol": each.symbol,
        "name": each.name,
        "bought_at": _stamp(each.bought_at),
        "bought": each.bought,
        "at": _stamp(each.at),
        "price": each.price,
        "change": str(round(change_rate(each.price, each.bought), 6)),
        "reason": each.reason,
        "detail": each.detail,
    }


def _stamp(at: datetime) -> str:
    return in_seoul(at).isoformat()
