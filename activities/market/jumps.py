"""Streamed prices that have jumped and wait for the broker's word: a forged tick must not sell, nor silence hold."""

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
"""Real time without an answer of the broker, after which ticks that agree decide without it."""
AGREEING: Final = 3
"""How many ticks in a row, each with a greater volume and not all at one time, must agree then."""


@dataclass(slots=True)
class _Run:
    """Jumps to one side in a row, the latest few; instants are market time."""

    began_at: datetime
    is_fall: bool
    asked_since: datetime | None = None
    """Since when the broker has been asked without an answer; None while it has not been asked."""
    ticks: deque[Quote] = field(default_factory=lambda: deque(maxlen=AGREEING))


class Jumps:
    """Holds ticks back that lie too far from what the broker confirmed last."""

    def __init__(self, pace: "Pace", bound: JumpBound) -> None:
        self.bound = bound
        self._pace = pace
        self._confirmed: dict[Symbol, Quote] = {}
        self._runs: dict[Symbol, _Run] = {}
        self._questions: Counter[Symbol] = Counter()

    @property
    def waiting(self) -> tuple[Symbol, ...]:
        """Return the stocks whose jump waits for the broker's word."""
        return tuple(self._runs)

    def is_open(self, symbol: Symbol) -> bool:
        """Tell whether a jump of this stock waits for the broker's word."""
        return symbol in self._runs

    def holds_back(self, tick: Quote) -> bool:
        """Take a tick; tell whether it must wait. An ordinary one ends what was waiting."""
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
            run.ticks.clear()  # or one forged volume would outrun all that is traded
        if not run.ticks or tick.volume > run.ticks[-1].volume:
            run.ticks.append(tick)
        return True

    def came_after(self, asked_at: datetime, symbol: Symbol) -> bool:
        """Tell whether a jump of this stock waits for a later answer than the one that was asked for at an instant."""
        run = self._runs.get(symbol)
        return run is not None and asked_at < run.began_at

    @contextmanager
    def asking(self, symbols: Sequence[Symbol]) -> Iterator[None]:
        """Note while the context lasts that the broker is being asked; its silence counts from then on."""
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
        """Take the broker's word; one that was asked for before the jump says nothing about it."""
        self._confirmed[answer.symbol] = answer
        run = self._runs.get(answer.symbol)
        if run is None:
            return
        if self.came_after(asked_at, answer.symbol):
            run.asked_since = None  # it answers: the next question is about the jump
            return
        now, latest = self._pace.now(), run.ticks[-1]
        if abs(answer.price - latest.price) <= self.bound.around(latest.price):
            self._end(answer, "jump_confirmed")
        elif answer.volume >= run.ticks[0].volume or now - run.began_at >= self._patience:
            self._end(answer, "jump_not_confirmed")
        else:  # the answer does not know of the trade yet: ask again, and let no tick decide meanwhile
            run.asked_since = None
            run.ticks = deque([latest], maxlen=AGREEING)

    def agreed(self, symbol: Symbol) -> Quote | None:
        """Return the mildest of the ticks that agree once the broker has been silent for too long, and accept it."""
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
        """Drop every jump: the stream is gone or has just begun, and the broker is asked anyway."""
        self._runs.clear()

    @property
    def _patience(self) -> timedelta:
        return self._pace.clock.market_duration(UNANSWERED_FOR)

    def _end(self, by: Quote, outcome: str) -> None:
        jumped_to = self._runs.pop(by.symbol).ticks[-1].price
        level = logging.INFO if outcome == "jump_confirmed" else logging.WARNING
        logger.log(level, outcome, extra={"symbol": by.symbol, "price": jumped_to, "taken": by.price})
