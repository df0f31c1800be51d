"""One look at the universe: quotes, filters, strategies and flags, for whichever workers have the rules."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from activities.market.left_out import STOCK_FAULTS, LeftOut, OnlyOne, StockFault
from activities.market.quote_feed import QuoteFeed
from activities.market.scan_notes import ScanNotes
from activities.support.recorder import DayRecorder
from activities.support.single_flight import SingleFlight
from domain.errors import TryAgainError
from domain.identity import AccountId
from domain.lane import Lane
from domain.market import Symbol
from domain.rules import TradingRules
from domain.scan_outcome import StockOutcome, outcomes_of
from domain.screening import (
    ScanReport,
    ScreenedStock,
    ScreeningFilter,
    first_failed_filter,
    select_candidates,
)

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from broker.protocol import Broker
    from database.database import Database

logger = logging.getLogger("haru.scan")

_RANKING_AGE: Final = timedelta(seconds=30)
_STATUS_AGE: Final = timedelta(seconds=20)
_MOST_RANKED: Final = 30
"""As many as the broker ranks; a worker uses as many of them as its rules allow."""

CoolingDown = Callable[[], Awaitable[frozenset[Symbol]]]
"""Returns the stocks that no worker may buy yet."""


class Screening:
    """Finds candidates. All scans of a process share it: one feed, one ranking, one rotation through the universe."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        feed: QuoteFeed,
        broker: "Broker",
        database: "Database",
        pace: "Pace",
        guard: "StrategyGuard",
        *,
        recorder: DayRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._feed = feed
        self._broker = broker
        self._database = database
        self._pace = pace
        self._guard = guard
        self._left_out = LeftOut(database, pace)
        self._notes = ScanNotes(database)
        self._ranking: tuple[Symbol, ...] = ()
        self._ranked_until: datetime | None = None
        self._asked_ranking: SingleFlight[None, None] = SingleFlight()
        self._turn = 0

    async def look(self, account_id: AccountId, rules: TradingRules, cooling: CoolingDown) -> ScanReport | None:
        """Scan once; return None if the broker cannot answer now."""
        report, since = None, self._pace.now()
        try:
            report = await self.scan(account_id, rules, cooling)
        except TryAgainError as fault:
            logger.warning("scan_postponed", extra={"cause": str(fault)})
        except STOCK_FAULTS as fault:
            await self._left_out.report(account_id, None, fault)
        if self._recorder is not None:
            self._recorder.scan(since, self._pace.now(), report)
        return report

    async def scan(self, account_id: AccountId, rules: TradingRules, cooling: CoolingDown) -> ScanReport:
        """Check the whole universe once and count what each filter dropped."""
        screening = rules.screening
        universe = self._next_part(await self._universe(account_id, rules))
        stocks = await self._in_view(universe, account_id, rules, cooling)
        now, age = self._pace.now(), self._greatest_age(rules)
        passed = [stock for stock in stocks if first_failed_filter(stock, screening, now, age) is None]
        judged = {_symbol_of(stock): stock for stock in await self._guard.judged(passed, rules, account_id)}
        shortlist = select_candidates([judged.get(_symbol_of(stock), stock) for stock in stocks], screening, now, age)
        checked = await self._with_status(judged, shortlist, account_id)
        report = select_candidates(checked, screening, now, age)
        unreadable = len(universe) - len(stocks) + len(shortlist.candidates) - len(checked)
        dropped = (
            Counter(shortlist.dropped) + Counter(report.dropped) + Counter({ScreeningFilter.UNREADABLE: unreadable})
        )

        def found() -> tuple[int, Sequence[StockOutcome]]:
            seen = {_symbol_of(stock): stock for stock in (*stocks, *judged.values(), *checked)}
            refused = {each.symbol for each in shortlist.candidates} - {_symbol_of(stock) for stock in checked}
            readable = [stock for symbol, stock in seen.items() if symbol not in refused]
            return len(universe), outcomes_of(readable, (set(universe) - seen.keys()) | refused, screening, now, age)

        self._notes.note(account_id, rules, now, found)
        return ScanReport(len(universe), report.candidates, dict(dropped), dict(shortlist.dropped_by_custom))

    async def _in_view(
        self, universe: Sequence[Symbol], account_id: AccountId, rules: TradingRules, cooling: CoolingDown
    ) -> list[ScreenedStock]:
        """Return the readable stocks; report and skip each unreadable one."""
        greatest_age = self._pace.clock.market_duration(rules.execution.scan_interval)
        unreadable = await self._feed.learn_references(universe, Lane.SCAN)
        await self._report(unreadable, account_id)
        readable = [symbol for symbol in universe if symbol not in unreadable]
        quotes = await self._feed.quotes(readable, greatest_age, Lane.SCAN)
        locked = await self._database.locks.locked_symbols(account_id)
        cooling_down = await cooling()
        return [
            ScreenedStock(
                view=self._feed.view_of(quote),
                status=self._feed.known_status(symbol, self._status_age()),
                locked=symbol in locked,
                cooling_down=symbol in cooling_down,
            )
            for symbol, quote in quotes.items()
        ]

    async def _report(self, faults: Mapping[Symbol, StockFault], account_id: AccountId) -> None:
        for symbol, fault in faults.items():
            await self._left_out.report(account_id, symbol, fault)

    async def _universe(self, account_id: AccountId, rules: TradingRules) -> tuple[Symbol, ...]:
        universe = rules.universe
        if universe.ranking_size and self._ranking_is_old():
            try:
                await self._asked_ranking.answer(None, self._ask_ranking)
            except STOCK_FAULTS as fault:  # the last readable ranking still applies
                await self._left_out.report(account_id, None, fault)
        return tuple(dict.fromkeys((*universe.symbols, *self._ranking[: universe.ranking_size])))

    async def _ask_ranking(self) -> None:
        self._ranked_until = self._pace.now() + self._pace.clock.market_duration(_RANKING_AGE)
        try:
            self._ranking = await self._broker.volume_leaders(_MOST_RANKED, Lane.SCAN)
        except TryAgainError:
            self._ranked_until = None
            raise

    def _next_part(self, universe: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """Return the stocks of this scan: all, or in rotation as many as can be priced before a price expires."""
        most = self._broker.most_stocks_per_scan
        if most is None or len(universe) <= most:
            return universe
        start = self._turn % len(universe)
        self._turn = start + most
        return (*universe[start:], *universe[:start])[:most]

    def _ranking_is_old(self) -> bool:
        return self._ranked_until is None or self._pace.now() >= self._ranked_until

    async def _with_status(
        self, stocks: Mapping[Symbol, ScreenedStock], shortlist: ScanReport, account_id: AccountId
    ) -> list[ScreenedStock]:
        """Return the candidates with board and flags; skip those with a refused or malformed reply."""
        checked, faults, only_one = list[ScreenedStock](), dict[Symbol, StockFault](), OnlyOne()
        for symbol in (candidate.symbol for candidate in shortlist.candidates):
            try:
                status = await self._feed.status(symbol, self._status_age(), Lane.SCAN)
            except STOCK_FAULTS as fault:
                faults[symbol] = fault
            except TryAgainError as fault:
                only_one.bear(symbol, fault)
                faults[symbol] = fault
            else:
                checked.append(replace(stocks[symbol], status=status))
        await self._report(faults, account_id)
        return checked

    def _status_age(self) -> timedelta:
        return self._pace.clock.market_duration(_STATUS_AGE)

    def _greatest_age(self, rules: TradingRules) -> timedelta:
        return self._pace.clock.market_duration(rules.execution.greatest_quote_age)


def _symbol_of(stock: ScreenedStock) -> Symbol:
    return stock.view.quote.symbol
