"""Logging of a host, and Temporal's metrics and log lines."""

import logging
import sys
from collections.abc import Collection
from typing import Final

from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from domain.clock import MarketClock
from domain.masking import Masking
from runtime.log_lines import JsonFormatter, OneLineAnOutage, PlainFormatter, WithItsStep
from runtime.settings import TelemetrySettings

_OURS: Final = ("haru", "temporalio", "activities", "broker", "database", "fleet", "workflows")
"""Loggers whose lines below warning are logged. Other libraries log whole requests and frames, including keys."""


def start_logging(settings: TelemetrySettings, secrets: Collection[str] = ()) -> None:
    """Send all logging to standard error in one format, without secrets."""
    mask = Masking(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OneLineAnOutage())
    handler.addFilter(WithItsStep())
    handler.setFormatter(JsonFormatter(mask) if settings.log_format == "json" else PlainFormatter(mask))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    # Otherwise the SDK appends a dictionary to each event name. The fields already arrive by `extra`.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def log_market_time(clock: MarketClock) -> None:
    """Add the market's time to each log line where it differs from the real one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonFormatter | PlainFormatter):
            handler.formatter.clock = clock


def temporal_runtime(settings: TelemetrySettings) -> Runtime:
    """Create the SDK's runtime, once per process: log lines go to logging, metrics to the configured address."""
    metrics = None
    if settings.prometheus_address:
        metrics = PrometheusConfig(
            bind_address=settings.prometheus_address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
    core = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    return Runtime(telemetry=TelemetryConfig(logging=core, metrics=metrics))
