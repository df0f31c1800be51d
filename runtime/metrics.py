"""Trading metrics of a host, on the endpoint that serves Temporal's own."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from temporalio.common import MetricGaugeFloat, MetricMeter
from temporalio.runtime import Runtime

from database.gauges import Gauged
from domain.order import OrderStatus
from domain.position import ExitReason
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

HELP: Final = {
    "haru_held_positions": "Positions with shares",
    "haru_scanning_workers": "Workers that scan for an entry",
    "haru_session_orders": "Orders of the session, by status",
    "haru_session_exits": "Trades of the session, by exit reason",
    "haru_unknown_orders": "Orders of unknown outcome, of any session",
    "haru_unknown_order_age_seconds": "Real seconds since the oldest order of unknown outcome was sent",
    "haru_held_price_unchanged_seconds": "Longest real seconds for which a held position and its price did not change",
    "haru_session_realised_profit_won": "Sum of the session's winning trades after costs, in won",
    "haru_session_realised_loss_won": "Sum of the session's losing trades after costs, in won, as a positive number",
    "haru_open_profit_won": "Sum over held positions above cost, before costs of the sale, in won",
    "haru_open_loss_won": "Sum over held positions below cost, before costs of the sale, in won, as a positive number",
    "haru_unsent_alerts": "Alerts that an active channel has not accepted yet",
    "haru_watch_lag_seconds": "Longest real seconds since a shard with positions was last renewed by its watch",
    "haru_rate_budget_used_ratio": "Part of the account's rate slots that are taken, 0 to 1",
    "haru_overdue_duties": "Duties of this host that have not succeeded for too long",
    "haru_data_disk_free_bytes": "Free bytes on the disk of the data folder",
    "haru_lost_spans": "Spans of traces that this host could not deliver since its start",
    "haru_metrics_read_timestamp_seconds": "Unix time at which the trading metrics were last read from the ledger",
}
"""Each metric by name: all are gauges. The SDK's meter accepts no negative value, so profit and loss are separate."""


class MetricsDuty:
    """Read the ledger's figures in one statement, and set them as gauges of the SDK's meter."""

    terms = Terms("metrics", every=5.0, at_once=True, within=30.0)

    def __init__(self, fleet: Fleet, host_id: str, data_dir: Path, lost_spans: Callable[[], int] | None = None) -> None:
        self._fleet = fleet
        self._host_id = host_id
        self._data_dir = data_dir
        self._lost_spans = lost_spans

    @cached_property
    def _gauges(self) -> dict[str, MetricGaugeFloat]:
        meter = _meter_of(self._fleet)
        return {name: meter.create_gauge_float(name, meaning) for name, meaning in HELP.items()}

    async def look(self) -> None:
        """Set each gauge. A status or reason that no longer occurs is set to 0."""
        fleet = self._fleet
        database, account = fleet.database, fleet.account_id
        gauged = await database.gauges.read(account, session_date_of(fleet.market_now()))
        duties = await database.hosts.duties(account)
        overdue = sum(duty.is_overdue for duty in duties if duty.host_id == self._host_id)
        read_at = (await database.server.now()).timestamp()
        for name, value in (*_plain(gauged), ("haru_overdue_duties", overdue), (_READ_AT, read_at)):
            self._gauges[name].set(value)
        for status in OrderStatus:
            self._gauges["haru_session_orders"].set(gauged.orders.get(status, 0), {"status": status.value})
        for reason in ExitReason:
            self._gauges["haru_session_exits"].set(gauged.exits.get(reason, 0), {"reason": reason.value})
        self._gauges["haru_lost_spans"].set(self._lost_spans() if self._lost_spans is not None else 0)
        if self._data_dir.is_dir():
            free = (await asyncio.to_thread(shutil.disk_usage, self._data_dir)).free
            self._gauges["haru_data_disk_free_bytes"].set(free)


_READ_AT: Final = "haru_metrics_read_timestamp_seconds"


def _meter_of(fleet: Fleet) -> MetricMeter:
    """Return the meter of the runtime that the fleet's client runs in."""
    return (fleet.client.service_client.config.runtime or Runtime.default()).metric_meter


def _plain(gauged: Gauged) -> Iterator[tuple[str, float]]:
    yield "haru_held_positions", gauged.held
    yield "haru_scanning_workers", gauged.scanning
    yield "haru_unknown_orders", gauged.unknown_orders
    yield "haru_unknown_order_age_seconds", gauged.unknown_order_seconds
    yield "haru_held_price_unchanged_seconds", gauged.price_unchanged_seconds
    yield "haru_session_realised_profit_won", gauged.realised_profit
    yield "haru_session_realised_loss_won", gauged.realised_loss
    yield "haru_open_profit_won", gauged.open_profit
    yield "haru_open_loss_won", gauged.open_loss
    yield "haru_unsent_alerts", gauged.unsent_alerts
    yield "haru_watch_lag_seconds", gauged.watch_lag_seconds
    yield "haru_rate_budget_used_ratio", gauged.rate_slots_taken / max(gauged.rate_slots, 1)
