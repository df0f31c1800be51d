"""KIS's clock, read from its host's ``Date`` header."""

import httpx

from broker.kis.skew import WHOLE_SECONDS, shown_in
from broker.kis.wire import Wire
from domain.clock import ClockReading
from domain.errors import BrokerProtocolError, BrokerUnavailableError


async def read_clock(wire: Wire) -> ClockReading:
    """Request the time from the trading host, without keys and outside the rate budget.

    Raises:
        BrokerUnavailableError: the host cannot be reached.
        BrokerProtocolError: its reply contains no time.
    """
    real_time = wire.connection.real_time
    asked_at = real_time()
    try:
        response = await wire.get_root()
    except (httpx.RequestError, OSError) as error:
        raise BrokerUnavailableError(f"{wire.connection.trading_url}: {type(error).__name__}") from None
    shown = shown_in(response)
    if shown is None:
        raise BrokerProtocolError("the broker's reply has no Date that can be read")
    return ClockReading(asked_at, shown, real_time(), WHOLE_SECONDS)
