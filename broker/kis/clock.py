"""KIS's clock, as its host's ``Date`` header shows it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from broker.kis.wire import Wire
from domain.clock import ClockReading
from domain.errors import BrokerProtocolError, BrokerUnavailableError

_WHOLE_SECONDS: Final = timedelta(seconds=1)


async def read_clock(wire: Wire) -> ClockReading:
    """Ask the trading host, without keys and outside the rate budget, what time it is.

    Raises:
        BrokerUnavailableError: the host cannot be reached.
        BrokerProtocolError: its reply carries no time.
    """
    real_time = wire.connection.real_time
    asked_at = real_time()
    try:
        response = await wire.get_root()
    except (httpx.RequestError, OSError) as error:
        raise BrokerUnavailableError(f"{wire.connection.trading_url}: {type(error).__name__}") from None
    return ClockReading(asked_at, _shown(response.headers.get("date", "")), real_time(), _WHOLE_SECONDS)


def _shown(text: str) -> datetime:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        raise BrokerProtocolError("the broker's reply has no Date that can be read") from None
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
