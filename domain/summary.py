"""The day in one value, per worker or for the fleet; computing it again gives an equal value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.excursion import PriceRange
from domain.flatness import Proven
from domain.handling import Group, Handling, grouped, handling
from domain.identity import AccountId, PositionId
from domain.market import Symbol
from domain.money import Quantity, Rate, notional
from domain.performance import Performance, performance
from domain.position import ClosedTrade, OpenPosition
from domain.screening import ScreeningFilter
from domain.session import SessionDate

FLEET: Final = "fleet"
"""The scope of the summary over all workers."""

POOR_LIQUIDITY: Final = Rate("0.01")
"""An exit below its decision price by this rate or more counts as poor liquidity."""


@dataclass(frozen=True, slots=True)
class DayCounts:
    """A day's counts beside the trades: buys denied, stocks scanned and dropped, observed price ranges of positions."""

    denials: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    scans: int = 0
    looked_at: int = 0
    price_ranges: Mapping[PositionId, PriceRange] = field(default_factory=dict)


NOTHING_COUNTED: Final = DayCounts()


@dataclass(frozen=True, slots=True)
class DailySummary:
    """One session of one worker, or of the fleet.

    ``poor_liquidity`` is true if at least one exit lost 1 % or more between decision and fill: ``poor_symbols``.
    ``denials`` counts the guards that prevented buys. A scan examines every stock of the universe. ``dropped`` and
    ``passed`` count examined stocks in filter order: the stocks that pass one filter go to the next.
    """

    session_date: SessionDate
    scope: str
    performance: Performance
    poor_liquidity: bool
    poor_symbols: tuple[Symbol, ...]
    dropped: dict[str, int]
    denials: dict[str, int]
    handling: Handling = field(default_factory=Handling)
    by_exit_reason: dict[str, Group] = field(default_factory=dict)
    by_symbol: dict[str, Group] = field(default_factory=dict)
    by_strategy: dict[str, Group] = field(default_factory=dict)
    by_worker: dict[str, Group] = field(default_factory=dict)
    scans: int = 0
    looked_at: int = 0
    passed: dict[str, int] = field(default_factory=dict)


KEYS: Final[Mapping[str, Callable[[ClosedTrade], str]]] = {
    "exit_reason": lambda trade: trade.exit_reason.value,
    "symbol": lambda trade: trade.symbol,
    "strategy": lambda trade: trade.strategy.name,
    "worker": lambda trade: trade.worker_id,
}
"""The keys by which a summary groups its trades."""


def summarise(
    session_date: SessionDate, scope: str, trades: Sequence[ClosedTrade], counts: DayCounts = NOTHING_COUNTED
) -> DailySummary:
    """Summarise the scope's closed trades of a session, with the day's counts."""
    poor = sorted({trade.symbol for trade in trades if _met_poor_liquidity(trade)})
    by = {name: grouped(name_of, trades, counts.price_ranges) for name, name_of in KEYS.items()}
    return DailySummary(
        session_date=session_date,
        scope=scope,
        performance=performance(trades),
        poor_liquidity=bool(poor),
        poor_symbols=tuple(poor),
        dropped=_sorted(counts.dropped),
        denials=_sorted(counts.denials),
        handling=handling(trades, counts.price_ranges),
        by_exit_reason=by["exit_reason"],
        by_symbol=by["symbol"],
        by_strategy=by["strategy"],
        by_worker=by["worker"] if scope == FLEET else {},
        scans=counts.scans,
        looked_at=counts.looked_at,
        passed=_passed(counts),
    )


def totals_of(summary: DailySummary) -> DailySummary:
    """Return a summary without its groups by stock and worker: thousands of them exceed a workflow's history."""
    return replace(summary, by_symbol={}, by_worker={})


@dataclass(frozen=True, slots=True)
class Left:
    """Shares held after a session: our positions, the account owner's own shares, and unexplained ones.

    ``proof`` is the close's result at the broker; None if there is none.
    """

    ours: Sequence[OpenPosition] = ()
    owners: Mapping[Symbol, Quantity] = field(default_factory=dict)
    unexplained: Mapping[Symbol, Quantity] = field(default_factory=dict)
    proof: Proven | None = None


def result_event(account_id: AccountId, fleet: DailySummary, left: Left, at: datetime) -> Event:
    """Return the event of a session's result: won, and the shares still held. The same result has the same key."""
    done = fleet.performance
    carried = ", ".join(f"{position.symbol} {position.name} ×{position.quantity:,}".strip() for position in left.ours)
    figures: dict[str, str | int] = {
        "trades": done.trades,
        "wins": done.wins,
        "losses": done.losses,
        "gross": done.gross,
        "costs": done.commission + done.tax,
        "net": done.net,
        "carried": carried,
        "unexplained": _in_words(left.unexplained),
        "owners": _in_words(left.owners),
        "open_orders": left.proof.open_orders if left.proof else 0,
        "proven": int(left.proof is not None),
        "flat": int(left.proof is not None and left.proof.flat),
    }
    named = ("trades", "net", "carried", "unexplained", "owners", "open_orders", "proven", "flat")
    parts = (account_id, fleet.session_date, *(figures[name] for name in named))
    key = "/".join((EventKind.DAY_SUMMED_UP, *map(str, parts)))
    return Event(account_id, EventKind.DAY_SUMMED_UP, EventLevel.INFO, at, fleet.session_date, detail=figures, key=key)


def _in_words(shares: Mapping[Symbol, Quantity]) -> str:
    return ", ".join(f"{symbol} ×{shares[symbol]:,}" for symbol in sorted(shares))


def _passed(counts: DayCounts) -> dict[str, int]:
    """Return how many stocks were left after each filter; the last one is a strategy's signal."""
    left, passed = counts.looked_at, {}
    for name in ScreeningFilter:
        left -= counts.dropped.get(name, 0)
        passed[name.value] = left
    return passed if counts.looked_at else {}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}


def _met_poor_liquidity(trade: ClosedTrade) -> bool:
    promised = notional(trade.exit_decision_price, trade.quantity)
    return promised > 0 and trade.exit_slippage >= promised * POOR_LIQUIDITY
