"""Rules for a day that lasts two minutes: shorter holdings and closer exits, so that more activity is visible."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.money import Rate
from domain.rule_changes import changed
from domain.rules import ExecutionRules, ExitRules, RiskRules, StrategyRules, TradingRules

_PREFIX: Final = "HARU_RULES__"
DEMO_RULES: Final = TradingRules(
    strategy=StrategyRules(parameters=(("momentum.rise", "0.8%"), ("momentum.volume_ratio", "1.2"))),
    exits=ExitRules(
        stop_loss=Rate("0.03"),
        take_profit=Rate("0.028"),
        trailing_start=Rate("0.012"),
        trailing_distance=Rate("0.01"),
        trend_window=timedelta(minutes=20),
        trend_break=Rate("0.012"),
        longest_holding=timedelta(minutes=50),
    ),
    risk=RiskRules(cooldown_after_loss=timedelta(minutes=2), cooldown_after_streak=timedelta(minutes=10)),
    execution=ExecutionRules(
        scan_interval=timedelta(seconds=1),
        price_interval=timedelta(milliseconds=300),
        entry_timeout=timedelta(seconds=2),
        exit_reprice=timedelta(seconds=1),
        greatest_quote_age=timedelta(seconds=2),
        entry_ticks=5,
        exit_ticks=3,
    ),
)
"""A second is three market minutes at the demo's speed, so a limit order must pay slightly more to catch the price."""


def demo_rules(environment: Mapping[str, str], strategies: Sequence[str] = ()) -> TradingRules:
    """Return the demo's rules with those of the environment (`HARU_RULES__…`), and with these strategies if any.

    Raises:
        BadRulesError: a variable is unknown or wrong.
    """
    named = {name.upper(): text for name, text in environment.items() if text}
    changes = {
        name.removeprefix(_PREFIX).lower().replace("__", "."): text
        for name, text in named.items()
        if name.startswith(_PREFIX)
    }
    if strategies:
        changes["strategy.names"] = ",".join(strategies)
    return replace(changed(DEMO_RULES, changes), version=DEMO_RULES.version) if changes else DEMO_RULES
