"""Streamed price jumps that wait for the broker: a forged tick must not sell, and a silent broker must not block."""

import logging
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.jump import JumpBound
from domain.market import Quote, Symbol

if TYPE_CHECKING:
    from activities.support.pace import Pace

logger = logging.getLogger("haru.stream")

UNANSWERED_FOR: Final = timedelta(seconds=2)
"""Real time without a broker reply, after which agreeing ticks decide."""
AGREEING: Final = 3
"""Number of consecutive ticks that must agree, with growing volume and not all at one instant."""


@dataclass(slots=True)
class _Run:
    """Latest consecutive jumps in one direction; instants are market time."""

    began_at: datetime
    is_fall: bool
    asked_since: datetime | None = None
    """Since when a broker request is unanswered; None without a request."""
    ticks: deque[Quote] = field(default_factory=lambda: deque(maxlen=AGREEING))


class Jumps:
    """Holds back ticks that are too far from the price that the broker last confirmed."""

    def __init__(self, pace: "Pace", bound: JumpBound) -> None:
        self.bound = bound
        self._pace = pace
        self._confirmed: dict[Symbol, Quote] = {}
        self._runs: dict[Symbol, _Run] = {}
        self._questions: Counter[Symbol] = Counter()

    @property
    def waiting(self) -> tuple[Symbol, ...]:
        """Return the stocks whose jump waits for the broker."""
        return tuple(self._runs)

    def is_open(self, symbol: Symbol) -> bool:
        """Return whether a jump of this stock waits for the broker."""
        return symbol in self._runs

    def holds_back(self, tick: Quote) -> bool:
        """Record a tick and return whether it must wait. An ordinary tick ends a waiting jump."""
        confirmed = self._confirmed.get(tick.symbol)
        if confirmed is None or not self.bound.is_jump(tick, confirmed):
            self._runs.pop(tick.symbol, None)
            return False
        now, is_fall = self._pace.now(), tick.price < confirmed.price
        run = self._runs.get(tick.symbol)
        if run is None:
            extra = {"symbol": tick.symbol, "price": tick.price, "confirmed": confirmed.price}
            logger.info("jump_held_back", extra=extra)
            run = self._runs[tick.symbol] = _Run(now, is_fall, now if self._questions[tick.symbol] else None)
        elif run.is_fall is not is_fall:
            run.is_fall = is_fall
            run.ticks.clear()
        if run.ticks and tick.volume < run.ticks[-1].volume:
            run.ticks.clear()  # otherwise one forged volume would exceed all real trades
        if not run.ticks or tick.volume > run.ticks[-1].volume:
            run.ticks.append(tick)
        return True

    def came_after(self, asked_at: datetime, symbol: Symbol) -> bool:
        """Return whether a jump of this stock began after a request sent at ``asked_at`` and needs a later reply."""
        run = self._runs.get(symbol)
        return run is not None and asked_at < run.began_at

    @contextmanager
    def asking(self, symbols: Sequence[Symbol]) -> Iterator[None]:
        """Mark a broker request as pending while the context lasts; the wait for a reply counts from its start."""
        self._questions.update(symbols)
        for symbol in symbols:
            run = self._runs.get(symbol)
            if run is not None and run.asked_since is None:
                run.asked_since = self._pace.now()
        try:
            yield
        finally:
            self._questions -= Counter(symbols)

    def hear_answer(self, answer: Quote, asked_at: datetime) -> None:
        """Apply a broker quote; one requested before the jump does not decide it."""
        self._confirmed[answer.symbol] = answer
        run = self._runs.get(answer.symbol)
        if run is None:
            return
        if self.came_after(asked_at, answer.symbol):
            run.asked_since = None  # the broker replies: the next request covers the jump
            return
        now, latest = self._pace.now(), run.ticks[-1]
        if abs(answer.price - latest.price) <= self.bound.around(latest.price):
            self._end(answer, "jump_confirmed")
        elif answer.volume >= run.ticks[0].volume or now - run.began_at >= self._patience:
            self._end(answer, "jump_not_confirmed")
        else:  # the quote predates the trade: ask again, and let no tick decide meanwhile
            run.asked_since = None
            run.ticks = deque([latest], maxlen=AGREEING)

    def agreed(self, symbol: Symbol) -> Quote | None:
        """Accept and return the most moderate of the agreeing ticks after the broker has been silent too long."""
        run = self._runs.get(symbol)
        if run is None or run.asked_since is None or self._pace.now() - run.asked_since < self._patience:
            return None
        if len(run.ticks) < AGREEING or run.ticks[0].observed_at == run.ticks[-1].observed_at:
            return None
        choose = max if run.is_fall else min
        mildest = choose(run.ticks, key=lambda tick: tick.price)
        self._confirmed[symbol] = mildest
        self._end(mildest, "jump_taken_unconfirmed")
        return mildest

    def forget(self) -> None:
        """Drop every jump: the stream ended or just began, and the broker is asked anyway."""
        self._runs.clear()

    @property
    def _patience(self) -> timedelta:
        return self._pace.clock.market_duration(UNANSWERED_FOR)

    def _end(self, by: Quote, outcome: str) -> None:
        jumped_to = self._runs.pop(by.symbol).ticks[-1].price
        level = logging.INFO if outcome == "jump_confirmed" else logging.WARNING
        logger.log(level, outcome, extra={"symbol": by.symbol, "price": jumped_to, "taken": by.price})
