"""The alerts of a host, from its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.event import EventLevel
from domain.masking import Masking
from fleet.alerting.channels import Channel, channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.fleet import Fleet
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Alerts:
    """The two ways to people: by the books, and directly while the books cannot be written."""

    outbox: Alerting
    direct: DirectAlerts
    channels: tuple[str, ...]


def alerts_of(settings: Settings, fleet: Fleet) -> Alerts:
    """Return the alerts to every configured channel.

    Raises:
        OperationError: the address of a channel cannot be read.
    """
    channels, rules = _channels(settings), _alert_rules(settings)
    outbox = Alerting((fleet.account_id, fleet.environment), fleet.database, channels, rules)
    direct = DirectAlerts(fleet.environment, _channels(settings), rules)
    return Alerts(outbox, direct, tuple(channel.key for channel in channels))


def _channels(settings: Settings) -> Sequence[Channel]:
    return channels_of([url.get_secret_value() for url in settings.alerts.urls])


def _alert_rules(settings: Settings) -> AlertRules:
    configured = settings.alerts
    return AlertRules(
        mask=Masking(settings.secrets()),
        minimum_level=EventLevel(configured.minimum_level),
        language=configured.language,
        sends_days=configured.daily_summary,
        sends_trades=configured.trades,
        sends_digests=configured.digests,
    )
