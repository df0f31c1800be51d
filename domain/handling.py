"""How trades were handled: between decision and fill, and while held."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from domain.excursion import Excursion, PriceRange, entry_slippage_ticks, excursion, exit_slippage_ticks
from domain.identity import PositionId
from domain.money import NO_WON, Won
from domain.performance import Performance, performance
from domain.position import ClosedTrade, ExitReason

FORCED_EXITS: Final = frozenset({ExitReason.DEADLINE, ExitReason.KILL_SWITCH})
_SECOND: Final = timedelta(seconds=1)
_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Handling:
    """Won and ticks are positive for losses; ticks are means per trade; None if nothing was observed.

    ``forced_liquidation_cost`` is the exit slippage of the trades ended by the deadline or the kill switch.
    ``time_in_market_seconds`` counts a moment once, however many positions were held in it.
    ``adverse`` and ``favourable`` excursions (MAE, MFE) cover the trades with observed prices, before costs.
    """

    slippage: Won = NO_WON
    entry_ticks: Decimal | None = None
    exit_ticks: Decimal | None = None
    average_holding_seconds: int = 0
    time_in_market_seconds: int = 0
    forced_liquidation_cost: Won = NO_WON
    average_adverse: Won | None = None
    average_favourable: Won | None = None
    greatest_adverse: Won | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Trades with a common property: their results and their handling."""

    performance: Performance
    handling: Handling


def grouped(
    name_of: Callable[[ClosedTrade], str], trades: Iterable[ClosedTrade], ranges: Mapping[PositionId, PriceRange]
) -> dict[str, Group]:
    """Return the figures of the trades under each name, by name."""
    members: dict[str, list[ClosedTrade]] = {}
    for trade in trades:
        members.setdefault(name_of(trade), []).append(trade)
    return {name: Group(performance(members[name]), handling(members[name], ranges)) for name in sorted(members)}


def handling(trades: Sequence[ClosedTrade], ranges: Mapping[PositionId, PriceRange]) -> Handling:
    """Measure closed trades, in any order."""
    held = [trade for trade in trades if trade.quantity]
    exits = [ticks for trade in held if (ticks := exit_slippage_ticks(trade)) is not None]
    seen = [excursion(trade, ranges[trade.position_id]) for trade in trades if trade.position_id in ranges]
    return Handling(
        slippage=Won(sum(trade.slippage for trade in trades)),
        entry_ticks=_mean([entry_slippage_ticks(trade) for trade in held]),
        exit_ticks=_mean(exits),
        average_holding_seconds=_average_holding_seconds(trades),
        time_in_market_seconds=_time_in_market(trades) // _SECOND,
        forced_liquidation_cost=Won(sum(trade.exit_slippage for trade in trades if trade.exit_reason in FORCED_EXITS)),
        average_adverse=_mean_won([each.adverse for each in seen]),
        average_favourable=_mean_won([each.favourable for each in seen]),
        greatest_adverse=_greatest_adverse(seen),
    )


def _average_holding_seconds(trades: Sequence[ClosedTrade]) -> int:
    held = sum((trade.held_for for trade in trades), timedelta())
    return held // _SECOND // len(trades) if trades else 0


def _time_in_market(trades: Sequence[ClosedTrade]) -> timedelta:
    covered, until = timedelta(), None
    for opened_at, closed_at in sorted((trade.opened_at, trade.closed_at) for trade in trades):
        since: datetime = opened_at if until is None else max(opened_at, until)
        covered += max(closed_at - since, timedelta())
        until = closed_at if until is None else max(until, closed_at)
    return covered


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return (sum(values, Decimal(0)) / len(values)).quantize(_STEP, ROUND_HALF_UP) if values else None


def _mean_won(amounts: Sequence[Won]) -> Won | None:
    if not amounts:
        return None
    return Won(int((Decimal(sum(amounts)) / len(amounts)).to_integral_value(ROUND_HALF_UP)))


def _greatest_adverse(seen: Sequence[Excursion]) -> Won | None:
    return max((each.adverse for each in seen), default=None)
