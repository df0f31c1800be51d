"""Limits of a host, and dangerous settings that real money requires the operator to accept by name."""

import logging
import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from domain.dangers import Danger, Dangers, dangers_of_account, dangers_of_hours, dangers_of_rules
from domain.host_limits import HostLimits, ceiling_of
from domain.identity import Environment
from domain.money import Won
from domain.rules import TradingRules
from exchange.calendar import CalendarOverrides, krx_calendar
from runtime.settings import Settings, SettingsError

logger = logging.getLogger("haru.hosting")

effective_user = os.geteuid
_ACCEPTS: Final = "HARU_BROKER__LIVE_ACCEPTS"


def host_limits(settings: Settings) -> HostLimits:
    """Return the upper limits of a host with these settings, regardless of what a workflow requests."""
    return HostLimits(
        ceiling=ceiling_of(settings.rules),
        live_consent=settings.broker.has_live_consent,
        accepted_dangers=settings.broker.live_accepts,
        liquidation_lead=timedelta(minutes=settings.close.liquidation_begins),
    )


def settings_dangers(settings: Settings, today: date) -> Dangers:
    """Return every danger in the settings of a live account, accepted or not; none in other environments."""
    if settings.broker.environment is not Environment.LIVE:
        return {}
    overrides = settings.calendar.overrides()
    years = [day.year for day in (today, *overrides.changed_hours)]
    known = krx_calendar(min(years), max(years), CalendarOverrides(overrides.closures, overrides.sessions))
    alerts = {} if settings.alerts.urls else {Danger.NO_ALERTS: "no channel for alerts; set HARU_ALERTS__URLS"}
    hours = dangers_of_hours(overrides.changed_hours, known, today)
    return {**rules_dangers(settings, settings.rules), **hours, **alerts}


def rules_dangers(settings: Settings, rules: TradingRules) -> Dangers:
    """Return every danger in rules of a live account; none in other environments."""
    if settings.broker.environment is not Environment.LIVE:
        return {}
    return dangers_of_rules(rules, timedelta(minutes=settings.close.liquidation_begins))


def account_dangers(settings: Settings, rules: TradingRules, worth: Won) -> Dangers:
    """Return the limits of a live account that exceed its worth; none in other environments."""
    return dangers_of_account(rules.risk, worth) if settings.broker.environment is Environment.LIVE else {}


def unaccepted(settings: Settings, dangers: Dangers) -> Dangers:
    """Return the dangers that the operator has not accepted."""
    return {danger: why for danger, why in dangers.items() if danger not in settings.broker.live_accepts}


def refuse(settings: Settings, dangers: Dangers) -> None:
    """Refuse dangers that the operator has not accepted.

    Raises:
        SettingsError: there are some; the text explains each and how to accept it.
    """
    if left := unaccepted(settings, dangers):
        raise SettingsError(in_words(settings, left))


def refuse_root(settings: Settings) -> None:
    """Refuse to trade real money as root, and warn about it for paper. The simulator allows root.

    Raises:
        SettingsError: the process is root, and the account is live.
    """
    environment = settings.broker.environment
    if effective_user() != 0 or environment is Environment.SIMULATED:
        return
    if environment is Environment.LIVE:
        raise SettingsError(
            "real money is not traded as root: whatever takes over this program would own the machine. Make a user "
            "for it (useradd --create-home haru), give that user the folder (chown -R haru), and start there"
        )
    logger.warning("running_as_root", extra={"environment": environment, "fix": "run it as a user of its own"})


def in_words(settings: Settings, dangers: Mapping[Danger, str]) -> str:
    """Explain dangers, one per line, and how to accept them."""
    names = ",".join(sorted({*settings.broker.live_accepts, *dangers}))
    return "\n".join([*(f"real money: {why}" for why in dangers.values()), f"or accept it: {_ACCEPTS}={names}"])
