"""What this host sees of a day, noted for a replay: a bounded queue that no activity ever waits for."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec

from domain.clock import in_seoul
from domain.market import DailyReference, MinuteBar, Quote, Symbol
from domain.order import Accepted, OrderIntent, Rejected, SubmitOutcome
from domain.rule_changes import value_text
from domain.rules import TradingRules
from domain.screening import ScanReport
from domain.session import session_date_of
from strategies import all_rule_values, known

P = ParamSpec("P")

_ROOM: Final = 20_000
"""Notes that may wait for the disk: an hour of 300 stocks. Later ones are dropped and counted."""
_BETWEEN_TICKS: Final = 50
"""Milliseconds of market time between two noted prices of a stock, at least: 1,200 a minute bound the memory."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a recording: its kind and plain values, by session date."""

    date: date
    kind: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class Sending:
    """One request to the broker, in real seconds of one clock. ``left`` is None if no byte was sent."""

    called: float
    left: float | None = None
    replied: float | None = None


def _quietly(
    take: "Callable[Concatenate[DayRecorder, P], None]",
) -> "Callable[Concatenate[DayRecorder, P], None]":
    """Count a note that cannot be made as dropped: no fault of the recording reaches a trade."""

    def taken(recorder: "DayRecorder", /, *about: P.args, **named: P.kwargs) -> None:
        try:
            take(recorder, *about, **named)
        except Exception:  # noqa: BLE001 - see above
            recorder.dropped += 1

    return taken


class DayRecorder:
    """Collects notes. A note costs microseconds, raises nothing, and is dropped when ``room`` notes wait."""

    def __init__(self, room: int = _ROOM, speed: int = 1) -> None:
        self.dropped = 0
        self.speed = speed
        """Market seconds a real second."""
        self._room = room
        self._notes: deque[Note] = deque()
        self._bars: dict[Symbol, MinuteBar] = {}
        self._written: dict[Symbol, MinuteBar] = {}
        self._seen: dict[Symbol, Quote] = {}
        self._ticks: dict[Symbol, tuple[datetime, list[tuple[int, int]]]] = {}
        """The open minute of each stock, with its changes of price: milliseconds in the minute, won."""
        self._rules: dict[str, tuple[date, TradingRules]] = {}

    @_quietly
    def price(self, quote: Quote, bar: MinuteBar | None) -> None:
        """Note a price that the feed accepted; ``bar`` is its minute so far. A minute is noted when it is over."""
        before = self._seen.get(quote.symbol)
        self._seen[quote.symbol] = quote
        if before is None or before.previous_close != quote.previous_close or not _same_date(before, quote):
            board = None if quote.market is None else quote.market.value
            about = {"symbol": quote.symbol, "name": quote.name, "market": board, "base": quote.previous_close}
            so_far = [quote.open_price, quote.high_price, quote.low_price, quote.volume]
            values: dict[str, Any] = {**about, "so_far": so_far}
            self._put(Note(session_date_of(quote.observed_at), "stock", values))
        if bar is None:
            return
        over = self._bars.get(quote.symbol)
        self._bars[quote.symbol] = bar
        if over is not None and over.at != bar.at and self._written.get(quote.symbol) is not over:
            self._put(self._bar(quote.symbol, over))
        self._tick(quote, bar.at)

    def _tick(self, quote: Quote, minute: datetime) -> None:
        """Keep a changed price of the open minute."""
        at = int((quote.observed_at - minute).total_seconds() * 1_000)
        begun, ticks = self._ticks.get(quote.symbol, (None, []))
        if begun != minute:
            self._ticks[quote.symbol] = minute, [(at, quote.price)]
        elif ticks[-1][1] != quote.price and at - ticks[-1][0] >= _BETWEEN_TICKS:
            ticks.append((at, quote.price))

    @_quietly
    def reference(self, found: DailyReference, on: date) -> None:
        """Note a stock's earlier sessions."""
        days = [[f"{day.date}", day.open, day.high, day.low, day.close, day.volume] for day in found.days]
        last = [found.previous_close, found.previous_high, found.previous_low, found.previous_volume]
        self._put(Note(on, "reference", {"symbol": found.symbol, "last": last, "days": days}))

    @_quietly
    def rules(self, worker: str, rules: TradingRules, at: datetime) -> None:
        """Note that a worker waits for candidates, and its rules if they are not the last ones noted of it today."""
        day = session_date_of(at)
        self._put(Note(day, "waits", {"at": _second(at), "worker": worker}))
        if self._rules.get(worker) == (day, rules):
            return
        self._rules[worker] = day, rules
        sources = {name: known().sources.get(name, "") for name in rules.strategy.names}
        values = {name: value_text(name, value) for name, value in all_rule_values(rules).items()}
        about = {"at": at.isoformat(), "worker": worker, "rules": values, "sources": sources, "speed": self.speed}
        self._put(Note(day, "rules", about))

    @_quietly
    def scan(self, since: datetime, at: datetime, report: ScanReport | None) -> None:
        """Note when a scan began and ended, and the candidates that it found; None: the broker did not answer."""
        found = None if report is None else [[each.symbol, each.price, each.strategy] for each in report.candidates]
        self._put(Note(session_date_of(at), "scan", {"since": _second(since), "at": _second(at), "found": found}))

    @_quietly
    def not_bought(self, symbol: Symbol, at: datetime, why: str) -> None:
        """Note why a candidate did not become an order."""
        self._put(Note(session_date_of(at), "not_bought", {"at": _second(at), "symbol": symbol, "why": why}))

    @_quietly
    def order(self, intent: OrderIntent, sending: Sending, outcome: SubmitOutcome) -> None:
        """Note the reply to an order, how long it took, and how old the price was that decided it."""
        seen, left, replied = self._seen.get(intent.symbol), sending.left, sending.replied
        age = None if seen is None else max(intent.decided_at - seen.observed_at, timedelta(0)).total_seconds()
        values = {
            "intent": intent.intent_id,
            "symbol": intent.symbol,
            "purpose": intent.purpose.value,
            "decided": intent.decided_at.isoformat(),
            "price": intent.decision_price,
            "age": age,
            "book": None if seen is None else [seen.bid, seen.ask],
            "waited": None if left is None else round(left - sending.called, 3),
            "reply": None if left is None or replied is None else round(replied - left, 3),
            "outcome": outcome.kind,
            "why": _why(outcome),
        }
        self._put(Note(intent.session_date, "order", values))

    def take(self, ended_by: datetime | None = None) -> list[Note]:
        """Take the waiting notes, with each open minute that ended by an instant; every one if that is None."""
        for symbol, bar in list(self._bars.items()):
            is_over = ended_by is None or bar.at + timedelta(minutes=1) <= ended_by
            if is_over and self._written.get(symbol) is not bar:
                self._written[symbol] = bar
                self._put(self._bar(symbol, bar))
        return [self._notes.popleft() for _ in range(len(self._notes))]

    def _bar(self, symbol: Symbol, bar: MinuteBar) -> Note:
        """Return a minute with its prices in sequence, as differences; a single price needs none."""
        local = in_seoul(bar.at)
        row = [symbol, local.hour * 60 + local.minute, bar.open, bar.high, bar.low, bar.close, bar.volume]
        begun, ticks = self._ticks.get(symbol, (None, []))
        values: dict[str, Any] = {"bar": row}
        if begun == bar.at and len(ticks) > 1:
            pairs = zip([(0, 0), *ticks], ticks, strict=False)
            values["ticks"] = [number for one, next_ in pairs for number in (next_[0] - one[0], next_[1] - one[1])]
        return Note(session_date_of(bar.at), "bar", values)

    def _put(self, note: Note) -> None:
        if len(self._notes) >= self._room:
            self.dropped += 1
        else:
            self._notes.append(note)


def _same_date(one: Quote, other: Quote) -> bool:
    return session_date_of(one.observed_at) == session_date_of(other.observed_at)


def _second(at: datetime) -> float:
    """Return the second of the day in Seoul."""
    local = in_seoul(at)
    return round(local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6, 2)


def _why(outcome: SubmitOutcome) -> str:
    if isinstance(outcome, Accepted):
        return ""
    return f"{outcome.code} {outcome.message}".strip() if isinstance(outcome, Rejected) else outcome.cause
