"""What the hosts recorded of a day, read and combined."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from domain.bar import DailyBar, MinuteBar
from domain.clock import KST
from domain.identity import IntentId
from domain.market import Market, Symbol
from domain.money import Price
from domain.session import SessionDate
from history.store import Instrument, SessionBars, StockDay
from security.private_files import read_private


class SeenOrder(NamedTuple):
    """The sending of one order: market seconds of its price's age, real seconds of slot and reply; None if unknown."""

    intent_id: IntentId
    symbol: Symbol
    purpose: str
    decided_at: datetime
    price: Price
    age: float | None
    waited: float | None
    reply: float | None
    outcome: str
    why: str


class SeenRules(NamedTuple):
    """The rules of a worker from an instant on, and the hashes of its strategies' sources."""

    at: datetime
    worker: str
    rules: Mapping[str, str]
    sources: Mapping[str, str]
    speed: int = 1
    """Market seconds a real second."""


class SeenScan(NamedTuple):
    """A scan and the candidates that it found, with their prices; None if the broker did not answer.

    It saw the prices of the time between ``since`` and ``at``.
    """

    since: datetime
    at: datetime
    found: Mapping[Symbol, Price] | None


class NotBought(NamedTuple):
    """Why a candidate did not become an order."""

    at: datetime
    symbol: Symbol
    why: str


@dataclass(slots=True)
class SeenDay:
    """One day as its hosts saw it. Minutes are counted from midnight KST."""

    day: SessionDate
    bars: dict[Symbol, dict[int, MinuteBar]] = field(default_factory=dict)
    stocks: dict[Symbol, Mapping[str, Any]] = field(default_factory=dict)
    references: dict[Symbol, Mapping[str, Any]] = field(default_factory=dict)
    orders: dict[IntentId, SeenOrder] = field(default_factory=dict)
    rules: list[SeenRules] = field(default_factory=list)
    ticks: dict[Symbol, dict[int, list[tuple[int, int]]]] = field(default_factory=dict)
    """The prices of a minute in sequence: milliseconds in the minute, won; a minute with one price has none."""
    scans: list[SeenScan] = field(default_factory=list)
    not_bought: list[NotBought] = field(default_factory=list)
    waits: dict[str, list[datetime]] = field(default_factory=dict)
    """When each worker began to wait for candidates."""
    begun: list[datetime] = field(default_factory=list)
    """When each host wrote first: shortly after it began."""
    missing: int = 0
    """Notes that were dropped, or not written."""
    unwritten: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Stretches of market time that a host may have seen and has not written: it was killed, or still runs."""
    problems: list[str] = field(default_factory=list)
    size: int = 0
    """Bytes on disk."""

    def session_bars(self) -> SessionBars:
        """Return the minutes as recorded bars."""
        stocks = {}
        for symbol, minutes in self.bars.items():
            about = self.stocks.get(symbol, {})
            market = Market(about["market"]) if about.get("market") else None
            base = Price(about.get("base") or self.references.get(symbol, {}).get("last", [0])[0])
            bars = tuple(minutes[minute] for minute in sorted(minutes))
            stocks[symbol] = StockDay(bars, Instrument(symbol, about.get("name", ""), market), base)
        return SessionBars(self.day, stocks)

    def instant(self, second: float) -> datetime:
        """Return a second of the day in Seoul as an instant."""
        return datetime.combine(self.day, time(), KST) + timedelta(seconds=second)

    def prices_between(self, symbol: Symbol, since: datetime, until: datetime) -> list[tuple[datetime, Price]]:
        """Return the price that stood at an instant, and each change of it up to another, of the recorded minutes."""
        bars, ticks = self.bars.get(symbol, {}), self.ticks.get(symbol, {})
        first, last = (int((each - self.instant(0)).total_seconds() // 60) for each in (since, until))
        found: list[tuple[datetime, Price]] = []
        for minute in range(first - 1, last + 1):
            if minute in bars:
                seen = ticks.get(minute) or [(0, bars[minute].open)]
                found += [(self.instant(minute * 60 + each / 1_000), Price(price)) for each, price in seen]
        standing = [each for each in found if each[0] <= since][-1:]
        return [*standing, *(each for each in found if since < each[0] <= until)]

    def days_before(self, last: date) -> dict[Symbol, Sequence[DailyBar]]:
        """Return the earlier sessions of each stock; ``last`` is the date of the previous one."""
        found: dict[Symbol, Sequence[DailyBar]] = {}
        for symbol, about in self.references.items():
            days = [DailyBar(date.fromisoformat(day), *rest) for day, *rest in about["days"]]
            close, high, low, volume = about["last"]
            found[symbol] = days or [DailyBar(last, close, high, low, close, volume)]
        return found


def read_day(folder: Path, day: date) -> SeenDay | None:
    """Read all hosts' recordings of a day; None if there is none."""
    files = sorted((folder / f"{day}").glob("*.jsonl.gz"))
    if not files:
        return None
    seen = SeenDay(SessionDate(day))
    for file in files:
        missing, reach = 0, dict[str, Any]()
        try:
            content = read_private(file)
        except OSError as error:
            seen.problems.append(f"{file.name}: {error}")
            continue
        seen.size += len(content)
        for line in _lines(content, file.name, seen.problems):
            missing = max(missing, line.get("notes", 0)) if line["kind"] == "missing" else missing
            if line["kind"] == "written":
                seen.begun += [datetime.fromisoformat(line["to"])] * (not reach)
                reach = dict(line)
            take(seen, line)
        seen.missing += missing
        seen.unwritten += _unwritten(reach)
    seen.rules.sort(key=lambda each: each.at)
    seen.scans.sort(key=lambda each: each.at)
    for times in seen.waits.values():
        times.sort()
    return seen


def _unwritten(reach: Mapping[str, Any]) -> list[tuple[datetime, datetime]]:
    """Return the stretch after a file's last write; none if the host ended in order."""
    if not reach or reach["next"] == reach["to"]:
        return []
    return [(datetime.fromisoformat(reach["to"]), datetime.fromisoformat(reach["next"]))]


def _lines(content: bytes, name: str, problems: list[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a file; the end may be torn."""
    while content:
        member = zlib.decompressobj(wbits=31)
        try:
            text = member.decompress(content)
            lines = [json.loads(line) for line in text.decode().splitlines()] if member.eof else []
        except (zlib.error, ValueError) as error:
            problems.append(f"{name}: unreadable from here on ({error})")
            return
        if not member.eof:
            problems.append(f"{name}: the last minute is torn")
            return
        yield from lines
        content = member.unused_data


def take(seen: SeenDay, line: Mapping[str, Any]) -> None:
    """Add one line of a recording."""
    match line["kind"]:
        case "bar":
            symbol, *row = line["bar"]
            bar = MinuteBar(*row)
            minutes = seen.bars.setdefault(Symbol(symbol), {})
            minutes[bar.minute] = _both(minutes.get(bar.minute), bar)
            if noted := line.get("ticks"):
                ticks = seen.ticks.setdefault(Symbol(symbol), {})
                ticks[bar.minute] = sorted({*ticks.get(bar.minute, ()), *_summed(noted)})
        case "stock":
            symbol = Symbol(line["symbol"])
            seen.stocks[symbol] = min(line, seen.stocks.get(symbol, line), key=_volume_so_far)
        case "reference":
            seen.references[Symbol(line["symbol"])] = line
        case "order":
            decided = datetime.fromisoformat(line["decided"])
            order = SeenOrder(
                IntentId(line["intent"]), Symbol(line["symbol"]), line["purpose"], decided, Price(line["price"]),
                line["age"], line["waited"], line["reply"], line["outcome"], line["why"],
            )  # fmt: skip
            seen.orders[order.intent_id] = order
        case "rules":
            at = datetime.fromisoformat(line["at"])
            seen.rules.append(SeenRules(at, line["worker"], line["rules"], line["sources"], line["speed"]))
        case _:
            _take_look(seen, line)


def _take_look(seen: SeenDay, line: Mapping[str, Any]) -> None:
    """Add a line about a worker's search for candidates."""
    match line["kind"]:
        case "scan":
            found = line["found"]
            prices = None if found is None else {Symbol(name): Price(price) for name, price, _ in found}
            seen.scans.append(SeenScan(seen.instant(line.get("since", line["at"])), seen.instant(line["at"]), prices))
        case "not_bought":
            seen.not_bought.append(NotBought(seen.instant(line["at"]), Symbol(line["symbol"]), line["why"]))
        case "waits":
            seen.waits.setdefault(line["worker"], []).append(seen.instant(line["at"]))


def _volume_so_far(line: Mapping[str, Any]) -> int:
    return int(line.get("so_far", (0, 0, 0, 0))[3])


def _summed(noted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield ticks from their differences."""
    return zip(accumulate(noted[::2]), accumulate(noted[1::2]), strict=True)


def _both(one: MinuteBar | None, other: MinuteBar) -> MinuteBar:
    """Return a minute that two hosts saw, or one host twice: what saw more trades has its first and last price."""
    if one is None:
        return other
    more = one if one.volume > other.volume else other
    return more._replace(high=max(one.high, other.high), low=min(one.low, other.low))
