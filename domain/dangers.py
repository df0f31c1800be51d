"""Settings that need explicit acceptance for real money: each danger has a name and is accepted by it or refused."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.money import Won
from domain.rules import ExecutionRules, ExitRules, RiskRules, TradingRules
from domain.session import REGULAR_HOURS, SessionHours, TradingCalendar


class Danger(StrEnum):
    """Dangers that an operator of a live account accepts by name."""

    ALL_EXITS_OFF = "all_exits_off"
    CAPITAL_ABOVE_ACCOUNT = "capital_above_account"
    LOSS_LIMIT_ABOVE_ACCOUNT = "loss_limit_above_account"
    OLD_QUOTES = "old_quotes"
    SLOW_EXITS = "slow_exits"
    CHANGED_HOURS = "changed_hours"
    NO_ALERTS = "no_alerts"


Dangers = Mapping[Danger, str]
"""The dangers found, each with the reason and remedy for people."""
_OLD: Final = timedelta(minutes=1)
_AUCTION: Final = timedelta(minutes=10)
"""The closing auction at the session's end; an order in it is the sale's last."""


def dangers_of_rules(rules: TradingRules, liquidation_lead: timedelta) -> Dangers:
    """Return the dangers in rules; ``liquidation_lead`` is market time from the fleet's sale to the session's end."""
    found = {}
    if _sells_at_the_close_only(rules.exits):
        found[Danger.ALL_EXITS_OFF] = "every exit rule is 0: shares are held to the close; set exits.stop_loss"
    if (age := rules.execution.greatest_quote_age) >= _OLD:
        found[Danger.OLD_QUOTES] = (
            f"execution.greatest_quote_age={age.total_seconds():g}s: a price of that age decides sales; set"
            f" less than {_OLD.total_seconds():g}s"
        )
    takes, has = _time_at_the_bid(rules.execution), liquidation_lead - _AUCTION
    if takes > has:
        found[Danger.SLOW_EXITS] = (
            f"execution.exit_limit_attempts times execution.exit_reprice is {takes.total_seconds():g} s, but a sale has"
            f" {has.total_seconds():g} s before the closing auction; lower one of them"
        )
    return found


def dangers_of_account(risk: RiskRules, worth: Won) -> Dangers:
    """Return the limits that exceed the account's total worth: its cash (D+2) and its shares, in won."""
    found = {}
    if risk.capital_per_trade > worth:
        found[Danger.CAPITAL_ABOVE_ACCOUNT] = (
            f"risk.capital_per_trade={risk.capital_per_trade:,} is more than the account holds ({worth:,} won);"
            " lower it"
        )
    if risk.fleet_daily_loss > worth:
        found[Danger.LOSS_LIMIT_ABOVE_ACCOUNT] = (
            f"risk.fleet_daily_loss={risk.fleet_daily_loss:,} is more than the account holds ({worth:,} won): it never"
            " stops anything; lower it"
        )
    return found


def dangers_of_hours(changed: Mapping[date, SessionHours], known: TradingCalendar, today: date) -> Dangers:
    """Return whether hours are changed, from today on, on a day whose calendar hours are regular."""
    odd = sorted(
        day
        for day, hours in changed.items()
        if day >= today and day not in known.changed_hours and hours != REGULAR_HOURS
    )
    if not odd:
        return {}
    days = ", ".join(map(str, odd))
    why = f"HARU_CALENDAR__HOURS changes {days}, ordinary by the calendar; compare with the exchange's notice"
    return {Danger.CHANGED_HOURS: why}


def raises_a_limit(before: RiskRules, after: RiskRules) -> bool:
    """Return whether a rule change raises a limit that is compared with the account."""
    return after.capital_per_trade > before.capital_per_trade or after.fleet_daily_loss > before.fleet_daily_loss


def _sells_at_the_close_only(exits: ExitRules) -> bool:
    trails = exits.trailing_start and exits.trailing_distance
    follows = exits.trend_break and exits.trend_window
    return not (exits.stop_loss or exits.take_profit or trails or follows or exits.longest_holding)


def _time_at_the_bid(execution: ExecutionRules) -> timedelta:
    return execution.exit_limit_attempts * execution.exit_reprice
