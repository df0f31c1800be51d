"""Determine which parts are embedded, and the addresses of all parts."""

from dataclasses import replace
from enum import Flag, auto

from domain.identity import Environment
from runtime.embedded.endpoints import Endpoints, read_endpoints
from runtime.settings import Settings


class Need(Flag):
    """Parts for which nothing is configured."""

    DATABASE = auto()
    TEMPORAL = auto()
    SIMULATOR = auto()


def needs_of(settings: Settings) -> Need:
    """Return the parts to embed; falsy when all are configured."""
    needs = Need(0)
    if settings.database_url is None:
        needs |= Need.DATABASE
    if "target_host" not in settings.temporal:
        needs |= Need.TEMPORAL
    if settings.broker.environment is Environment.SIMULATED and settings.simulator.url is None:
        needs |= Need.SIMULATOR
    return needs


async def find_endpoints(settings: Settings) -> Endpoints | None:
    """Return where the parts run that another process started; None when they do not run."""
    if needs_of(settings):
        return read_endpoints(settings.data_dir)
    return await with_configured_market(settings, Endpoints())


async def with_configured_market(settings: Settings, endpoints: Endpoints) -> Endpoints:
    """Add the clock of a configured simulator, because it defines the market's time."""
    if settings.broker.environment is not Environment.SIMULATED or settings.simulator.url is None:
        return endpoints
    from runtime.embedded.simulator import market_of  # noqa: PLC0415 - its HTTP client is only needed here

    url, token = str(settings.simulator.url).rstrip("/"), settings.simulator.control_token
    return replace(
        endpoints,
        simulator_url=url,
        control_token=token.get_secret_value() if token else None,
        market=await market_of(url),
    )
