"""Addresses, clock, calendar and rate budget of an account, from its settings and from what runs here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.clock import LIVE_CLOCK, MarketClock
from domain.close_plan import CloseLeads
from domain.hosts import REST_URLS, STREAM_URLS
from domain.identity import Environment
from domain.session import TradingCalendar
from exchange.calendar import krx_calendar
from runtime.embedded.endpoints import Endpoints
from runtime.settings import Settings

_CALLS_PER_SECOND: Final = {Environment.LIVE: 18, Environment.SIMULATED: 18, Environment.PAPER: 1}


@dataclass(frozen=True, slots=True)
class Place:
    """Addresses of all parts, embedded or configured, and the market's clock."""

    temporal_address: str
    temporal_ui_url: str | None
    database_url: str
    broker_url: str
    stream_url: str
    clock: MarketClock


def place_of(settings: Settings, endpoints: Endpoints) -> Place:
    """Merge the configured with the embedded addresses. Configured addresses take precedence."""
    configured = settings.database_url.get_secret_value() if settings.database_url else None
    return Place(
        temporal_address=settings.temporal.get("target_host") or str(endpoints.temporal_address),
        temporal_ui_url=endpoints.temporal_ui_url,
        database_url=configured or str(endpoints.database_url),
        broker_url=_broker_url(settings, endpoints),
        stream_url=_stream_url(settings, endpoints),
        clock=endpoints.market.clock if endpoints.market else LIVE_CLOCK,
    )


def leads_of(settings: Settings) -> CloseLeads:
    """Return how early the account's fleet begins to sell. For many workers the rate budget decides."""
    close, calls = settings.close, calls_per_second(settings)
    cutoff, lead = timedelta(minutes=close.entries_end), timedelta(minutes=close.liquidation_begins)
    return CloseLeads(cutoff, lead, calls_per_second=calls)


def calendar_of(settings: Settings, clock: MarketClock) -> TradingCalendar:
    """Return the calendar of the years around the market's present."""
    year = clock.market_time(datetime.now(UTC)).year  # noqa: TID251 - operators and hosts work in real time
    return krx_calendar(year - 1, year + 2, settings.calendar.overrides())


def calls_per_second(settings: Settings) -> int:
    """Return the size of the account's rate budget."""
    return settings.broker.calls_per_second or _CALLS_PER_SECOND[settings.broker.environment]


def _broker_url(settings: Settings, endpoints: Endpoints) -> str:
    if settings.broker.rest_url is not None:
        return str(settings.broker.rest_url).rstrip("/")
    if settings.broker.environment is Environment.SIMULATED:
        return str(settings.simulator.url or endpoints.simulator_url).rstrip("/")
    return REST_URLS[settings.broker.environment]


def _stream_url(settings: Settings, endpoints: Endpoints) -> str:
    if settings.broker.stream_url is not None:
        return str(settings.broker.stream_url).rstrip("/")
    if settings.broker.environment is Environment.SIMULATED:
        return _broker_url(settings, endpoints).replace("http", "ws", 1)
    return STREAM_URLS[settings.broker.environment]
