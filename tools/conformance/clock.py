"""The server's date and time in KST."""

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Final

from tools.conformance.kis import Kis

KST: Final = timezone(timedelta(hours=9))
_OPENS: Final = time(9, 0)
_AUCTION: Final = time(15, 20)
_SATURDAY: Final = 5


async def market_time(kis: Kis) -> datetime:
    """Return the server's market time. Only a simulator has its own; it is read from the control API."""
    real = datetime.now(UTC)  # noqa: TID251 - a real server uses real time
    if not kis.access.is_simulated:
        return real.astimezone(KST)

    async def ahead() -> timedelta:
        status = (await kis.send_now("GET", "/control/status")).body
        return datetime.fromisoformat(status["market_time"]) - real

    return (real + await kis.once("clock", ahead)).astimezone(KST)


async def today(kis: Kis) -> str:
    """Return the server's date as YYYYMMDD."""
    return f"{await market_time(kis):%Y%m%d}"


async def in_session(kis: Kis) -> bool:
    """Return whether it is a weekday between 09:00 and 15:20. Holidays are not known here."""
    now = await market_time(kis)
    return now.weekday() < _SATURDAY and _OPENS <= now.time() < _AUCTION
