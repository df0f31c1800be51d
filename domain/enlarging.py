"""Rule changes that may make the fleet buy more or lose more: real money asks for the password before them."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.rule_changes import RuleValue, rule_values
from domain.rules import TradingRules

_TIGHTER_BELOW: Final = frozenset(
    {
        *("risk.capital_per_trade", "risk.worker_daily_loss", "risk.fleet_daily_loss", "risk.trades_per_worker"),
        *("universe.ranking_size", "screening.greatest_spread", "screening.greatest_price"),
        *("screening.greatest_change", "execution.entry_ticks", "execution.greatest_quote_age"),
    }
)
_TIGHTER_BELOW_UNLESS_OFF: Final = frozenset(
    {
        *("risk.losses_in_a_row", "risk.give_back_from", "risk.give_back_share"),
        *("exits.stop_loss", "exits.longest_holding"),
    }
)
"""Guards that 0 turns off."""
_TIGHTER_ABOVE: Final = frozenset(
    {
        *("risk.cooldown_after_loss", "risk.cooldown_after_streak", "risk.symbol_cooldown"),
        *("screening.least_volume", "screening.least_turnover", "screening.least_price", "execution.scan_interval"),
    }
)
_OF_SALES_UNLESS_OFF: Final = frozenset(
    {
        *("exits.take_profit", "exits.trailing_start", "exits.trailing_distance"),
        *("exits.trend_window", "exits.trend_break"),
    }
)
_OF_SALES: Final = frozenset(
    {
        *("execution.price_interval", "execution.exit_reprice", "execution.exit_ticks"),
        *("execution.exit_limit_attempts", "execution.after_market"),
    }
)


def enlarging(before: TradingRules, after: TradingRules) -> tuple[str, ...]:
    """Return the names of the changed rules that are not known to buy less or to concern sales alone."""
    old, new = rule_values(before), rule_values(after)
    return tuple(
        name
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name) and not _is_tighter(name, old.get(name), new.get(name))
    )


def _is_tighter(name: str, old: RuleValue | None, new: RuleValue | None) -> bool:
    if name in _OF_SALES or (name in _OF_SALES_UNLESS_OFF and new):
        return True
    if name in _TIGHTER_BELOW_UNLESS_OFF:
        return bool(new) and (not old or _is_below(new, old))
    return (name in _TIGHTER_BELOW and _is_below(new, old)) or (name in _TIGHTER_ABOVE and _is_below(old, new))


def _is_below(first: RuleValue | None, second: RuleValue | None) -> bool:
    return _number(first) < _number(second)


def _number(value: RuleValue | None) -> Decimal:
    return Decimal(str(value.total_seconds() if isinstance(value, timedelta) else value))
