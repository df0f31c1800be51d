"""The day in one value, per worker or for the fleet; computing it again gives the equal value."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.market import Symbol
from domain.money import Rate, Won, notional
from domain.performance import Performance, performance
from domain.position import ClosedTrade, ExitReason
from domain.session import SessionDate

FLEET: Final = "fleet"
"""The scope of the summary over all workers."""

POOR_LIQUIDITY: Final = Rate("0.01")
"""An exit that got this much less than its decision price promised met a poorly liquid market."""

FORCED_EXITS: Final = frozenset({ExitReason.DEADLINE, ExitReason.KILL_SWITCH})


@dataclass(frozen=True, slots=True)
class DailySummary:
    """One session of one worker, or of the fleet. Net won; slippage and costs are positive where they hurt.

    ``forced_liquidation_cost`` is the exit slippage of the trades that deadline or kill switch ended.
    ``poor_liquidity`` tells that at least one exit lost 1 % or more between decision and fill: ``poor_symbols``.
    """

    session_date: SessionDate
    scope: str
    performance: Performance
    net_by_exit_reason: dict[str, Won]
    net_by_symbol: dict[str, Won]
    net_by_strategy: dict[str, Won]
    slippage: Won
    average_holding_seconds: int
    forced_liquidation_cost: Won
    poor_liquidity: bool
    poor_symbols: tuple[Symbol, ...]
    dropped: dict[str, int]
    denials: dict[str, int]


def summarise(
    session_date: SessionDate,
    scope: str,
    trades: Sequence[ClosedTrade],
    denials: Mapping[str, int],
    dropped: Mapping[str, int],
) -> DailySummary:
    """Sum up the scope's closed trades of a session, with how often we denied a buy and dropped a stock."""
    poor = sorted({trade.symbol for trade in trades if _met_poor_liquidity(trade)})
    return DailySummary(
        session_date=session_date,
        scope=scope,
        performance=performance(trades),
        net_by_exit_reason=_net_by(lambda trade: trade.exit_reason.value, trades),
        net_by_symbol=_net_by(lambda trade: trade.symbol, trades),
        net_by_strategy=_net_by(lambda trade: trade.strategy.name, trades),
        slippage=Won(sum(trade.slippage for trade in trades)),
        average_holding_seconds=_average_holding_seconds(trades),
        forced_liquidation_cost=Won(sum(trade.exit_slippage for trade in trades if trade.exit_reason in FORCED_EXITS)),
        poor_liquidity=bool(poor),
        poor_symbols=tuple(poor),
        dropped=_sorted(dropped),
        denials=_sorted(denials),
    )


def _net_by(name_of: Callable[[ClosedTrade], str], trades: Sequence[ClosedTrade]) -> dict[str, Won]:
    sums: defaultdict[str, int] = defaultdict(int)
    for trade in trades:
        sums[name_of(trade)] += trade.net_pnl
    return {name: Won(sums[name]) for name in sorted(sums)}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}


def _average_holding_seconds(trades: Sequence[ClosedTrade]) -> int:
    held = sum((trade.held_for for trade in trades), timedelta())
    return held // timedelta(seconds=1) // len(trades) if trades else 0


def _met_poor_liquidity(trade: ClosedTrade) -> bool:
    promised = notional(trade.exit_decision_price, trade.quantity)
    return promised > 0 and trade.exit_slippage >= promised * POOR_LIQUIDITY
