"""The sources of an account's prices, from its settings: stream, rate budget, and stocks in a call."""

from broker.kis.capabilities import CAPABILITIES, MOST_SYMBOLS
from domain.capacity import PriceSupply
from domain.identity import Environment
from domain.stream import BESIDE_STOCKS
from runtime.place import calls_per_second
from runtime.settings import Settings


def supply_of(settings: Settings) -> PriceSupply:
    """Return what the settings supply; a key of the real service for quotations has a budget of its own."""
    stream, quotations = settings.stream, settings.quotations
    has_own_key = quotations.app_key is not None
    service = Environment.LIVE if has_own_key else settings.broker.environment
    return PriceSupply(
        streamed=max(stream.registrations - BESIDE_STOCKS, 0) if stream.enabled else 0,
        slots=quotations.calls_per_second if has_own_key else calls_per_second(settings),
        stocks_per_call=MOST_SYMBOLS if CAPABILITIES[service].many_prices else 1,
    )
