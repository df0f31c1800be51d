"""Rule changes at run time: named fields, parsed by type, and checked before use."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.errors import BadRulesError
from domain.money import is_without_unit, rate_text, read_rate
from domain.rules import (
    ExecutionRules,
    ExitRules,
    RiskRules,
    ScreeningRules,
    StrategyRules,
    TradingRules,
    UniverseRules,
)

_Group = UniverseRules | ScreeningRules | StrategyRules | ExitRules | RiskRules | ExecutionRules
_Value = bool | int | Decimal | timedelta | tuple[str, ...]
_GROUPS: Final = ("universe", "screening", "strategy", "exits", "risk", "execution")

_RATES: Final = frozenset(
    {
        *("screening.greatest_spread", "screening.greatest_change", "strategy.momentum_rise"),
        *("exits.stop_loss", "exits.take_profit", "exits.trailing_start", "exits.trailing_distance"),
        *("exits.trend_break", "risk.give_back_share", "risk.slippage_allowance"),
    }
)
"""Rules whose text needs a percent sign: ``3`` could mean 3 % or 300 %, ``0.5`` half a percent or a half."""
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_WORDS: Final = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_SYMBOL: Final = re.compile(r"[0-9A-Z]{6}")


def changed(rules: TradingRules, changes: Mapping[str, str]) -> TradingRules:
    """Return the next version of the rules with changes such as ``{"exits.stop_loss": "2%"}`` applied and checked.

    Rates carry a percent sign, durations look like ``90s``, switches are ``yes`` or ``no``. Amounts may contain
    separators (``5,000,000``), lists commas.

    Raises:
        BadRulesError: a name is unknown, a text cannot be read, or the result is not valid.
    """
    values = rule_values(rules)
    if len(changes) > len(values):
        raise BadRulesError(f"{len(changes):,} changes: there are only {len(values)} rules; name each once")
    problems = [problem for name, text in changes.items() if (problem := _problem_with(name, text, values))]
    if problems:
        raise BadRulesError("; ".join(problems))
    return checked(accepted(rules, changes))


def accepted(rules: TradingRules, changes: Mapping[str, str]) -> TradingRules:
    """Return the next version of the rules with changes that ``changed`` of this or an earlier version has accepted.

    Earlier versions accepted a rate without a percent sign as a fraction, and exit rates above 30 %.
    """
    values = rule_values(rules)
    return _replaced(rules, {name: _parsed(values[name], text) for name, text in changes.items()})


def rule_values(rules: TradingRules) -> dict[str, _Value]:
    """Return every rule by its dotted name, such as ``exits.stop_loss``."""
    return {
        f"{group}.{rule.name}": getattr(getattr(rules, group), rule.name)
        for group in _GROUPS
        for rule in fields(getattr(rules, group))
    }


def checked(rules: TradingRules) -> TradingRules:
    """Return the rules if they are valid.

    Raises:
        BadRulesError: they are not valid; the text names every wrong field, with the fix.
    """
    values = rule_values(rules)
    problems = [
        f"{name}: {_shown(name, values[name])} must be {requirement}"
        for names, allows, requirement in _REQUIREMENTS
        for name in names.split()
        if not allows(values[name])
    ]
    problems += [f"{first} must not exceed {second}" for first, second in _NOT_ABOVE if _above(values, first, second)]
    if not 0 < rules.version <= _MOST_CHANGES:
        problems.append(f"version: {_cut(str(rules.version))} must be within 1..{_MOST_CHANGES:,}")
    if problems:
        raise BadRulesError("; ".join(problems))
    return rules


def value_text(name: str, value: _Value) -> str:
    """Format a rule's value, by its dotted name, as ``changed`` reads it."""
    if name in _RATES and isinstance(value, Decimal):
        return rate_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return f"{Decimal(value // timedelta(milliseconds=1)) / 1000}s"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def setting_name(rule: str) -> str:
    """Return the environment variable of a rule by its dotted name."""
    return f"HARU_RULES__{rule.replace('.', '__').upper()}"


def as_settings(rules: TradingRules) -> dict[str, str]:
    """Return the environment variables of every rule that differs from its default."""
    defaults = rule_values(TradingRules())
    values = {name: value for name, value in rule_values(rules).items() if value != defaults[name]}
    return {setting_name(name): value_text(name, value) for name, value in values.items()}


def _problem_with(name: str, text: str, values: Mapping[str, _Value]) -> str | None:
    if name not in values:
        return f"{_cut(name)}: unknown; choose among {', '.join(values)}"
    most = _LONGEST_LIST if isinstance(values[name], tuple) else _LONGEST_TEXT
    if len(text) > most:
        return f"{name}: {len(text):,} characters; write at most {most:,}"
    if isinstance(values[name], Decimal) and "e" in text.lower():
        return f"{name}: {text!r} must look like {value_text(name, values[name])}, without an exponent"
    try:
        _parsed(values[name], text)
    except (KeyError, ValueError, ArithmeticError):
        return f"{name}: {_cut(repr(text))} must look like {value_text(name, values[name]) or 'a,b'}"
    return _without_unit(name, text.strip()) if name in _RATES and is_without_unit(text) else None


def _without_unit(name: str, text: str) -> str:
    """Return what to write; the fraction's meaning is included if the rule allows it."""
    as_fraction = read_rate(text)
    shown = f", or {rate_text(as_fraction)} if a fraction was meant" if _allowed(name, as_fraction) else ""
    return f"{name}={text}: a rate needs a percent sign; write {text}%{shown}"


def _parsed(like: _Value, text: str) -> _Value:
    if isinstance(like, bool):
        return _WORDS[text.strip().lower()]
    if isinstance(like, timedelta):
        return _duration(text)
    if isinstance(like, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if not text.isascii():
        raise ValueError(text)  # int reads the digits of every script
    return read_rate(text) if isinstance(like, Decimal) else int(text.replace(",", "").strip())


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2]]


def _replaced(rules: TradingRules, parsed: Mapping[str, _Value]) -> TradingRules:
    # Each value was parsed by the type of the value it replaces; the type checker cannot follow names.
    with_values: Callable[..., TradingRules] = replace
    groups = {group: _replaced_group(getattr(rules, group), group, parsed) for group in _GROUPS}
    return with_values(rules, version=rules.version + 1, **groups)


def _replaced_group(group: _Group, prefix: str, parsed: Mapping[str, _Value]) -> _Group:
    with_values: Callable[..., _Group] = replace
    own = {rule.name: parsed[f"{prefix}.{rule.name}"] for rule in fields(group) if f"{prefix}.{rule.name}" in parsed}
    return with_values(group, **own)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _shown(name: str, value: _Value) -> str:
    """Format a wrong value; a number with a huge exponent would have millions of digits."""
    if isinstance(value, Decimal) and abs(value.adjusted()) > _LONGEST_TEXT:
        return f"{value:.3e}"
    return f"{len(value):,} names" if isinstance(value, tuple) and len(value) > 1 else _cut(value_text(name, value))


def _is_number(value: _Value, least: Decimal, greatest: Decimal) -> bool:
    return isinstance(value, int | Decimal) and Decimal(value).is_finite() and least <= value <= greatest


def _within(least: str, greatest: str = "1e15") -> Callable[[_Value], bool]:
    return lambda value: _is_number(value, Decimal(least), Decimal(greatest))


def _lasting(least: timedelta, greatest: timedelta) -> Callable[[_Value], bool]:
    return lambda value: isinstance(value, timedelta) and least <= value <= greatest


def _symbols(value: _Value) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_SYMBOLS and all(_SYMBOL.fullmatch(each) for each in value)


def _names(least: int) -> Callable[[_Value], bool]:
    return lambda value: (
        isinstance(value, tuple)
        and least <= len(value) <= MOST_NAMES
        and all(0 < len(name) <= _LONGEST_NAME for name in value)
    )


def _won(least: str) -> tuple[Callable[[_Value], bool], str]:
    return _within(least, str(MOST_WON)), f"within {least}..{MOST_WON:,}"


MOST_SYMBOLS: Final = 1_000
"""Stocks in a universe; a scan of a thousand uses two seconds of the whole account's calls."""
MOST_NAMES: Final = 20
"""Strategies or filters."""
MOST_WON: Final = 10**15
"""Maximum won or shares in one rule."""
_MOST_TRADES: Final = 1_000_000
_MOST_CHANGES: Final = 1_000_000
_LONGEST_NAME: Final = 100
_LONGEST_TEXT: Final = 100
_LONGEST_LIST: Final = 10_000
"""Characters of a list of names."""
_TICK: Final = timedelta(milliseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_REQUIREMENTS: Final[tuple[tuple[str, Callable[[_Value], bool], str], ...]] = (
    ("universe.ranking_size", _within("0", "30"), "within 0..30"),
    ("universe.symbols", _symbols, f"codes of six digits or capitals, {MOST_SYMBOLS:,} at most"),
    ("screening.least_volume screening.least_turnover risk.give_back_from", *_won("0")),
    ("screening.least_price screening.greatest_price", *_won("1")),
    ("screening.greatest_spread screening.greatest_change", _within("0", "1"), "within 0%..100%"),
    ("strategy.names", _names(1), f"1 to {MOST_NAMES} strategies"),
    ("screening.custom_filters", _names(0), f"{MOST_NAMES} filters at most"),
    ("strategy.breakout_factor", _within("0", "5"), "within 0..5"),
    ("strategy.momentum_rise risk.slippage_allowance", _within("0", "1"), "within 0%..100%"),
    ("strategy.momentum_volume_ratio", _within("0", "1000"), "within 0..1000"),
    ("strategy.momentum_window", _lasting(_MINUTE, 30 * _MINUTE), "within 1m..30m"),
    (
        "exits.stop_loss exits.take_profit exits.trailing_start exits.trailing_distance exits.trend_break",
        _within("0", "0.3"),  # a day's price limit is 30 % of its base price
        "within 0%..30%",
    ),
    ("exits.trend_window exits.longest_holding", _lasting(0 * _TICK, _DAY), "within 0s..24h"),
    ("risk.capital_per_trade risk.worker_daily_loss risk.fleet_daily_loss", *_won("1")),
    ("risk.trades_per_worker risk.losses_in_a_row", _within("0", str(_MOST_TRADES)), f"within 0..{_MOST_TRADES:,}"),
    ("risk.give_back_share", _within("0.01", "1"), "within 1%..100%"),
    (
        "risk.cooldown_after_loss risk.cooldown_after_streak risk.symbol_cooldown",
        _lasting(0 * _TICK, _DAY),
        "within 0s..24h",
    ),
    ("execution.scan_interval", _lasting(_MINUTE / 60, _MINUTE), "within 1s..60s"),
    ("execution.price_interval execution.exit_reprice", _lasting(100 * _TICK, _MINUTE), "within 100ms..60s"),
    ("execution.entry_timeout", _lasting(_MINUTE / 60, 10 * _MINUTE), "within 1s..10m"),
    ("execution.greatest_quote_age", _lasting(100 * _TICK, 5 * _MINUTE), "within 100ms..5m"),
    ("execution.entry_ticks execution.exit_ticks execution.exit_limit_attempts", _within("0", "20"), "within 0..20"),
)
_NOT_ABOVE: Final = (
    ("screening.least_price", "screening.greatest_price"),
    ("risk.worker_daily_loss", "risk.fleet_daily_loss"),
)


def _allowed(name: str, value: _Value) -> bool:
    return all(allows(value) for names, allows, _ in _REQUIREMENTS if name in names.split())


def _above(values: Mapping[str, _Value], first: str, second: str) -> bool:
    lower, upper = values[first], values[second]
    return isinstance(lower, int) and isinstance(upper, int) and lower > upper
