"""How far a trade moved against us and for us while it was held, and its orders' slippage in ticks."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from domain.money import Price, Won, average_price, notional
from domain.position import ClosedTrade
from domain.tick_size import ticks_between

_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The lowest and highest price (won) of a position observed while it was held."""

    low: Price
    high: Price


@dataclass(frozen=True, slots=True)
class Excursion:
    """The worst and best result of a whole trade before costs, in won, as magnitudes: MAE and MFE."""

    adverse: Won
    favourable: Won


def excursion(trade: ClosedTrade, seen: PriceRange) -> Excursion:
    """Return a trade's excursion; the price of our own exit counts as observed."""
    worst, best = notional(seen.low, trade.quantity), notional(seen.high, trade.quantity)
    if trade.is_sold_by_us:
        worst, best = min(worst, trade.exit_amount), max(best, trade.exit_amount)
    return Excursion(Won(max(trade.entry_amount - worst, 0)), Won(max(best - trade.entry_amount, 0)))


def entry_slippage_ticks(trade: ClosedTrade) -> Decimal:
    """Return how many ticks more than decided a share cost, to 0.01; negative if it cost less."""
    paid = average_price(trade.entry_amount, trade.quantity)
    return ticks_between(trade.entry_decision_price, paid).quantize(_STEP, ROUND_HALF_UP)


def exit_slippage_ticks(trade: ClosedTrade) -> Decimal | None:
    """Return how many ticks less than decided a share brought, to 0.01; negative if it brought more.

    None if another party sold: there is no decision price.
    """
    if not trade.is_sold_by_us:
        return None
    got = average_price(trade.exit_amount, trade.quantity)
    return ticks_between(got, trade.exit_decision_price).quantize(_STEP, ROUND_HALF_UP)
