"""Rule changes at run time: named fields, parsed by type, and checked before use."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from domain.clock import duration_text, read_duration
from domain.errors import BadRulesError
from domain.money import is_without_unit, rate_text, read_rate
from domain.rules import (
    EARLIER_DEFAULTS,
    RENAMED,
    ExecutionRules,
    ExitRules,
    RiskRules,
    ScreeningRules,
    StrategyRules,
    TradingRules,
    UniverseRules,
)

_Group = UniverseRules | ScreeningRules | StrategyRules | ExitRules | RiskRules | ExecutionRules
RuleValue = bool | int | Decimal | timedelta | str | tuple[str, ...]
"""A rule's value; the text of a strategy's parameter is a str."""
_GROUPS: Final = ("universe", "screening", "strategy", "exits", "risk", "execution")

_RATES: Final = frozenset(
    {
        *("screening.greatest_spread", "screening.greatest_change", "strategy.momentum_rise"),
        *("exits.stop_loss", "exits.take_profit", "exits.trailing_start", "exits.trailing_distance"),
        *("exits.trend_break", "risk.give_back_share", "risk.slippage_allowance"),
    }
)
"""Rules whose text needs a percent sign: ``3`` could mean 3 % or 300 %, ``0.5`` half a percent or a half."""
SWITCHES: Final = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_SYMBOL: Final = re.compile(r"[0-9A-Z]{6}")
_PARAMETER: Final = re.compile(r"strategy\.[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}")
"""The parameter of a strategy. Only the strategy knows whether it exists and what it may be: `strategies.tradable`."""
_EARLIER: Final[dict[str, RuleValue]] = {f"strategy.{name}": value for name, value in EARLIER_DEFAULTS.items()}


def changed(rules: TradingRules, changes: Mapping[str, str]) -> TradingRules:
    """Return the next version of the rules with changes such as ``{"exits.stop_loss": "2%"}`` applied and checked.

    Rates carry a percent sign, durations look like ``90s``, switches are ``yes`` or ``no``. Amounts may contain
    separators (``5,000,000``), lists commas. An empty text returns a strategy's parameter to its default.

    Raises:
        BadRulesError: a name is unknown, a text cannot be read, or the result is not valid.
    """
    values = rule_values(rules)
    if len(changes) > len(values) + MOST_PARAMETERS:
        most = len(values) + MOST_PARAMETERS
        raise BadRulesError(f"{len(changes):,} changes: there are only {most} rules; name each once")
    problems = [problem for name, text in changes.items() if (problem := _problem_with(name, text, values))]
    if problems:
        raise BadRulesError("; ".join(problems))
    return checked(accepted(rules, changes))


def accepted(rules: TradingRules, changes: Mapping[str, str]) -> TradingRules:
    """Return the next version of the rules with changes that ``changed`` of this or an earlier version has accepted.

    Earlier versions accepted a rate without a percent sign as a fraction, exit rates above 30 %, and other names of
    the strategies' parameters.
    """
    values = rule_values(rules) | _EARLIER
    parsed = {name: _parsed(values.get(name, ""), text) for name, text in changes.items()}
    parameters = dict(rules.strategy.parameters) | {
        new_name(name).partition(".")[2]: value_text(name, value)
        for name, value in parsed.items()
        if _PARAMETER.fullmatch(new_name(name))
    }
    return _replaced(rules, parsed | {"strategy.parameters": tuple(each for each in parameters.items() if each[1])})


def new_name(rule: str) -> str:
    """Return a rule's present name; some parameters of strategies had another one in earlier versions."""
    group, _, name = rule.partition(".")
    return f"strategy.{RENAMED[name]}" if group == "strategy" and name in RENAMED else rule


EARLIER_NAMES: Final = tuple(_EARLIER)
"""Names that ``changed`` still reads, and that ``rule_values`` no longer has."""


def rule_values(rules: TradingRules) -> dict[str, RuleValue]:
    """Return every rule by its dotted name, such as ``exits.stop_loss``; of the parameters those with a text."""
    values = {
        f"{group}.{rule.name}": getattr(getattr(rules, group), rule.name)
        for group in _GROUPS
        for rule in fields(getattr(rules, group))
    }
    del values["strategy.parameters"]
    return values | {f"strategy.{name}": text for name, text in rules.strategy.parameters}


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
    problems += _parameter_problems(rules.strategy)
    problems += [f"{first} must not exceed {second}" for first, second in _NOT_ABOVE if _above(values, first, second)]
    if not 0 < rules.version <= _MOST_CHANGES:
        problems.append(f"version: {_cut(str(rules.version))} must be within 1..{_MOST_CHANGES:,}")
    if problems:
        raise BadRulesError("; ".join(problems))
    return rules


def value_text(name: str, value: RuleValue) -> str:
    """Format a rule's value, by its dotted name, as ``changed`` reads it."""
    if name in _RATES and isinstance(value, Decimal):
        return rate_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return duration_text(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def setting_name(rule: str) -> str:
    """Return the environment variable of a rule by its dotted name."""
    return f"HARU_RULES__{rule.replace('.', '__').upper()}"


def as_settings(rules: TradingRules) -> dict[str, str]:
    """Return the environment variables of every rule that differs from its default."""
    defaults = rule_values(TradingRules())
    values = {name: value for name, value in rule_values(rules).items() if value != defaults.get(name)}
    return {setting_name(name): value_text(name, value) for name, value in values.items()}


def _parameter_problems(rules: StrategyRules) -> list[str]:
    if len(rules.parameters) > MOST_PARAMETERS:
        return [f"strategy.parameters: {len(rules.parameters):,} parameters must be {MOST_PARAMETERS} at most"]
    return [
        f"strategy.{_cut(name)}: {_cut(text)!r} must be a parameter and its text, {_LONGEST_TEXT} characters at most"
        for name, text in rules.parameters
        if not _PARAMETER.fullmatch(f"strategy.{name}") or len(text) > _LONGEST_TEXT
    ]


def _problem_with(name: str, text: str, values: Mapping[str, RuleValue]) -> str | None:
    values = {**values, **_EARLIER} if name in _EARLIER else values
    if _PARAMETER.fullmatch(name):
        return "" if len(text) <= _LONGEST_TEXT else f"{name}: {len(text):,} characters; write at most {_LONGEST_TEXT}"
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


def _parsed(like: RuleValue, text: str) -> RuleValue:
    if isinstance(like, bool):
        return SWITCHES[text.strip().lower()]
    if isinstance(like, timedelta):
        return read_duration(text)
    if isinstance(like, str):
        return text.strip()
    if isinstance(like, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if not text.isascii():
        raise ValueError(text)  # int reads the digits of every script
    return read_rate(text) if isinstance(like, Decimal) else int(text.replace(",", "").strip())


def _replaced(rules: TradingRules, parsed: Mapping[str, Any]) -> TradingRules:
    # Each value was parsed by the type of the value it replaces; the type checker cannot follow names.
    with_values: Callable[..., TradingRules] = replace
    groups = {group: _replaced_group(getattr(rules, group), group, parsed) for group in _GROUPS}
    return with_values(rules, version=rules.version + 1, **groups)


def _replaced_group(group: _Group, prefix: str, parsed: Mapping[str, Any]) -> _Group:
    with_values: Callable[..., _Group] = replace
    own = {rule.name: parsed[f"{prefix}.{rule.name}"] for rule in fields(group) if f"{prefix}.{rule.name}" in parsed}
    return with_values(group, **own)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _shown(name: str, value: RuleValue) -> str:
    """Format a wrong value; a number with a huge exponent would have millions of digits."""
    if isinstance(value, Decimal) and abs(value.adjusted()) > _LONGEST_TEXT:
        return f"{value:.3e}"
    return f"{len(value):,} names" if isinstance(value, tuple) and len(value) > 1 else _cut(value_text(name, value))


def _is_number(value: RuleValue, least: Decimal, greatest: Decimal) -> bool:
    return isinstance(value, int | Decimal) and Decimal(value).is_finite() and least <= value <= greatest


def _within(least: str, greatest: str = "1e15") -> Callable[[RuleValue], bool]:
    return lambda value: _is_number(value, Decimal(least), Decimal(greatest))


def _lasting(least: timedelta, greatest: timedelta) -> Callable[[RuleValue], bool]:
    return lambda value: isinstance(value, timedelta) and least <= value <= greatest


def _symbols(value: RuleValue) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_SYMBOLS and all(_SYMBOL.fullmatch(each) for each in value)


def _names(least: int) -> Callable[[RuleValue], bool]:
    return lambda value: (
        isinstance(value, tuple)
        and least <= len(value) <= MOST_NAMES
        and all(0 < len(name) <= _LONGEST_NAME for name in value)
    )


def _won(least: str) -> tuple[Callable[[RuleValue], bool], str]:
    return _within(least, str(MOST_WON)), f"within {least}..{MOST_WON:,}"


MOST_SYMBOLS: Final = 1_000
"""Stocks in a universe; a scan of a thousand uses two seconds of the whole account's calls."""
MOST_NAMES: Final = 20
"""Strategies or filters."""
MOST_PARAMETERS: Final = 200
"""Parameters of all strategies together."""
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
_REQUIREMENTS: Final[tuple[tuple[str, Callable[[RuleValue], bool], str], ...]] = (
    ("universe.ranking_size", _within("0", "30"), "within 0..30"),
    ("universe.symbols", _symbols, f"codes of six digits or capitals, {MOST_SYMBOLS:,} at most"),
    ("screening.least_volume screening.least_turnover risk.give_back_from", *_won("0")),
    ("screening.least_price screening.greatest_price", *_won("1")),
    ("screening.greatest_spread screening.greatest_change", _within("0", "1"), "within 0%..100%"),
    ("strategy.names", _names(1), f"1 to {MOST_NAMES} strategies"),
    ("screening.custom_filters", _names(0), f"{MOST_NAMES} filters at most"),
    ("risk.slippage_allowance", _within("0", "1"), "within 0%..100%"),
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


def _allowed(name: str, value: RuleValue) -> bool:
    return all(allows(value) for names, allows, _ in _REQUIREMENTS if name in names.split())


def _above(values: Mapping[str, RuleValue], first: str, second: str) -> bool:
    lower, upper = values[first], values[second]
    return isinstance(lower, int) and isinstance(upper, int) and lower > upper
