"""Replay what the hosts recorded of a day through the production code, in virtual time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from domain.market import Symbol
from domain.money import Price, Won
from domain.rule_changes import changed, value_text
from domain.rules import TradingRules
from domain.screening import ScreenedStock, first_failed_filter
from domain.session import Session, TradingCalendar
from lab.day import LabBooks, Order, play
from lab.engine import held_engine, running_engine
from lab.exchange import open_exchange
from lab.market import LabMarket
from lab.parity.causes import Day
from lab.parity.seen import SeenDay
from lab.parity.ticks import follow_ticks, live_looks
from lab.recording import Gaps, RecordedSession, recorded
from strategies import all_rule_values, known, strategies_named, tradable

_ANY_AGE: Final = timedelta(days=1)


class NothingToReplayError(Exception):
    """A recording lacks what a replay needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A replayed day, and what it was played with."""

    day: Day
    net: Won
    rules: TradingRules
    workers: int
    gaps: Gaps
    sources: Mapping[str, str]
    market: "ReplayMarket"


class ReplayMarket:
    """The recorded market, asked what filters and strategies say of it at another price."""

    def __init__(self, found: RecordedSession, order: Order, calendar: TradingCalendar) -> None:
        exchange = open_exchange(found, order.capital, calendar, found.session.opens_at)
        self._market = LabMarket(found, exchange)
        self._rules = order.rules
        self._strategies = strategies_named(order.rules.strategy.names)

    def would_buy(self, symbol: Symbol, at: datetime, price: Price) -> bool:
        """Return whether a strategy buys a stock at an instant if its price is ``price``."""
        session = self._market.session
        if symbol not in self._market.symbols or not session.opens_at <= at < session.auction_at:
            return False
        view = self._market.view(self._market.quote(symbol, at))
        view = replace(view, quote=replace(view.quote, price=price))
        stock = ScreenedStock(view, None, locked=False, cooling_down=False)
        if first_failed_filter(stock, self._rules.screening, at, _ANY_AGE) is not None:
            return False
        return any(each.entry(view, self._rules.strategy) is not None for each in self._strategies)


def rules_in_force(seen: SeenDay, changes: Mapping[str, str]) -> TradingRules:
    """Return the first rules that were recorded, with changes.

    Raises:
        NothingToReplayError: none were recorded. BadRulesError: a change is invalid.
    """
    if not seen.rules:
        raise NothingToReplayError("no worker scanned on this day while it was recorded")
    defaults = {name: value_text(name, value) for name, value in all_rule_values(TradingRules()).items()}
    then = {
        name: text
        for name, text in seen.rules[0].rules.items()
        if defaults.get(name) != text and not name.startswith("universe.")
    }
    both = {**then, **changes}
    rules = TradingRules()
    return replace(tradable(changed(rules, both) if both else rules, both), version=1)


def recorded_session(seen: SeenDay, session: Session, before: Session) -> RecordedSession:
    """Return the recorded minutes as a session that the lab can play.

    Raises:
        NothingToReplayError: no stock can be played.
    """
    found = recorded(session, seen.session_bars(), seen.days_before(before.date))
    if not found.stocks:
        reasons = "; ".join(f"{symbol}: {why}" for symbol, why in found.gaps.left_out.items())
        raise NothingToReplayError(f"no recorded stock can be played ({reasons or 'no minute was recorded'})")
    follow_ticks(found, seen)
    return found


async def replayed(
    books: LabBooks, found: RecordedSession, order: Order, calendar: TradingCalendar, seen: SeenDay
) -> Replay:
    """Play a recorded session with empty books. It also looks when the fleet decided."""
    live = live_looks(seen, found.session.opens_at)
    played = await play(books, found, order, calendar, live=live)
    ledger = played.books.ledger
    events = tuple(each.event for each in ledger.events)
    day = Day(ledger.trades, tuple(each.record for each in ledger.orders), events)
    sources = {name: known().sources.get(name, "") for name in order.rules.strategy.names}
    net = Won(sum(trade.net_pnl for trade in ledger.trades))
    market = ReplayMarket(found, order, calendar)
    return Replay(day, net, order.rules, order.workers, found.gaps, sources, market)


async def replay_all(
    engine_folder: Path, found: RecordedSession, orders: list[Order], calendar: TradingCalendar, seen: SeenDay
) -> list[Replay]:
    """Play a recorded session once for each order.

    Raises:
        EmbeddedError: PostgreSQL cannot be started. FolderHeldError: a backtest runs.
    """
    async with held_engine(engine_folder) as hold, running_engine(hold) as engine:
        books = LabBooks(await engine.database("parity"))
        try:
            return [await replayed(books, found, order, calendar, seen) for order in orders]
        finally:
            await books.aclose()
