"""The performance of a set of closed trades: counts, ratios and maximum drawdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from typing import Final

from domain.money import NO_WON, Rate, Won
from domain.position import ClosedTrade

_RATIO_STEP: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Performance:
    """Wins and losses are by net PnL; losses and the drawdown are magnitudes, thus positive. Won; ratios to 0.0001.

    ``gross_profit`` and ``gross_loss`` add up winning and losing trades; ``gross`` is PnL before commission and tax. A
    ratio is None if its divisor is zero.
    """

    trades: int
    wins: int
    losses: int
    win_rate: Rate
    average_win: Won
    average_loss: Won
    profit_factor: Decimal | None
    payoff_ratio: Decimal | None
    expectancy: Won
    maximum_drawdown: Won
    largest_loss: Won
    gross_profit: Won
    gross_loss: Won
    gross: Won
    commission: Won
    tax: Won
    net: Won


def performance(trades: Sequence[ClosedTrade]) -> Performance:
    """Measure closed trades, in any order; the drawdown follows the closing times."""
    in_closing_order = sorted(trades, key=lambda trade: (trade.closed_at, trade.position_id))
    results = [trade.net_pnl for trade in in_closing_order]
    wins = [result for result in results if result > 0]
    losses = [-result for result in results if result < 0]
    return Performance(
        trades=len(results),
        wins=len(wins),
        losses=len(losses),
        win_rate=_ratio(len(wins), len(results)) or Decimal(0),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        profit_factor=_ratio(sum(wins), sum(losses)),
        payoff_ratio=_ratio(_mean(wins), _mean(losses)),
        expectancy=_mean(results),
        maximum_drawdown=_deepest_fall(results),
        largest_loss=Won(max(losses, default=0)),
        gross_profit=Won(sum(wins)),
        gross_loss=Won(sum(losses)),
        gross=Won(sum(trade.gross_pnl for trade in trades)),
        commission=Won(sum(trade.costs.commission for trade in trades)),
        tax=Won(sum(trade.costs.tax for trade in trades)),
        net=Won(sum(results)),
    )


def _mean(amounts: Sequence[int]) -> Won:
    if not amounts:
        return NO_WON
    return Won(int((Decimal(sum(amounts)) / len(amounts)).to_integral_value(ROUND_HALF_UP)))


def _ratio(dividend: int, divisor: int) -> Decimal | None:
    return (Decimal(dividend) / divisor).quantize(_RATIO_STEP) if divisor else None


def _deepest_fall(results: Iterable[int]) -> Won:
    equity = list(accumulate(results, initial=0))
    peaks = accumulate(equity, max)
    return Won(max(peak - value for peak, value in zip(peaks, equity, strict=True)))
