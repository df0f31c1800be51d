"""Prices of a shard: the broker is asked for the stale ones, one request at a time, beside the loop."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from activities.market.quote_feed import QuoteFeed
from activities.support.pace import Every, note_failure
from activities.watch.judging import Watched
from domain.errors import TradingError
from domain.lane import Lane
from domain.market import Symbol

if TYPE_CHECKING:
    from activities.support.pace import Pace

logger = logging.getLogger("haru.watch")

_BETWEEN_SCANS: Final = timedelta(milliseconds=50)
"""Real time between two checks of a shard's ages: streamed prices wake the loop more often."""


class ShardPrices:
    """At most one request of the shard is pending. Cancel it with ``give_up``."""

    def __init__(self, feed: QuoteFeed, pace: "Pace") -> None:
        self._feed = feed
        self._pace = pace
        self._scanning = Every(pace, _BETWEEN_SCANS)
        self._asked: tuple[Symbol, ...] = ()
        self._turns: dict[Symbol, int] = {}
        """Number of the last request for each stock, so that a slow broker serves all in turn."""
        self._requests = 0
        self._interval = timedelta(0)
        self._not_before: dict[Symbol, timedelta] = {}
        """Until when a stock rests after a failed request (real time, as ``Pace.waited``)."""
        self.asking: asyncio.Task[object] | None = None
        """The pending request."""

    def refresh(self, watched: Iterable[Watched]) -> set[Symbol]:
        """Return the stocks with an answer, or a failure, since the last call; ask for the stalest others."""
        answered: set[Symbol] = set()
        if self.asking is not None and self.asking.done():
            answered = self._answered(self.asking)
        if self.asking is None and (answered or self._scanning.is_due()):
            self._ask([each for each in self._stale(watched) if not self._rests(each)])
        return answered

    def is_fresh(self, watched: Watched) -> bool:
        """Return whether no request is needed; a due sale needs the broker's calls itself."""
        return not self._stale([watched])

    def _stale(self, watched: Iterable[Watched]) -> list[Watched]:
        now, by_ages = self._pace.now(), defaultdict[tuple[timedelta, timedelta], list[Watched]](list)
        for each in watched:
            if now < each.start.deadline:
                rules = each.request.rules.execution
                by_ages[rules.price_interval, rules.greatest_quote_age].append(each)
        found: list[Watched] = []
        for some in by_ages.values():
            stale = set(self._feed.stale([each.position.symbol for each in some], *self._ages(some[0])))
            found += [each for each in some if each.position.symbol in stale]
        return found

    def _rests(self, watched: Watched) -> bool:
        not_before = self._not_before.get(watched.position.symbol)
        return not_before is not None and self._pace.waited() < not_before

    def give_up(self) -> None:
        """Cancel the pending request."""
        if self.asking is not None:
            self.asking.cancel()
            self.asking.add_done_callback(note_failure)

    def _answered(self, asking: "asyncio.Task[object]") -> set[Symbol]:
        asked, self._asked, self.asking = set(self._asked), (), None
        try:
            asking.result()
        except TradingError as fault:
            logger.warning("price_missing", extra={"symbols": sorted(asked), "cause": str(fault)})
        except Exception as fault:
            logger.exception("price_not_asked", extra={"symbols": sorted(asked), "cause": str(fault)})
        else:
            return asked
        self._not_before |= dict.fromkeys(asked, self._pace.waited() + self._interval)
        return asked

    def _ask(self, stale: list[Watched]) -> None:
        if not stale:
            return
        stale.sort(key=lambda each: self._turns.get(each.position.symbol, 0))
        first = stale[: self._feed.stocks_per_call]
        self._requests += 1
        self._interval = min(each.request.rules.execution.price_interval for each in first)
        fresh, confirmed = (min(ages) for ages in zip(*map(self._ages, first), strict=True))
        self._asked = tuple(each.position.symbol for each in first)
        self._turns |= dict.fromkeys(self._asked, self._requests)
        self.asking = asyncio.create_task(self._feed.quotes(self._asked, fresh, Lane.WATCH, confirmed))

    def _ages(self, watched: Watched) -> tuple[timedelta, timedelta]:
        rules, clock = watched.request.rules.execution, self._pace.clock
        return clock.market_duration(rules.price_interval), clock.market_duration(rules.greatest_quote_age) / 2
