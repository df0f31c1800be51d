"""The simulated market through its control API: forced prices, faults, and the broker's records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from domain.clock import MarketClock
from domain.identity import SIMULATED_ACCOUNT
from domain.market import Side, Symbol

_BREAKS_OUT: Final = 1.012
"""Factor on the day's open: just above the target of every strategy here."""
_BELOW_THE_STOP: Final = 0.962


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A call as the broker counted it (real time), and whether its limit let it pass."""

    at: datetime
    tr_id: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """An order that the broker has accepted, and when (real time, the broker's clock)."""

    number: str
    symbol: Symbol
    side: Side
    at: datetime


def real_now() -> datetime:
    """Return the real instant."""
    return datetime.now(UTC)  # noqa: TID251 - a stopwatch across processes


class Market:
    """Forces prices of single stocks and reads the broker's truth."""

    def __init__(self, client: httpx.AsyncClient, clock: MarketClock) -> None:
        self._client = client
        self._clock = clock
        self._opens: dict[Symbol, int] = {}

    async def learn_opens(self) -> None:
        """Store every stock's open as the base of its rises. This also makes the simulator draw every stock's day."""
        self._opens = {Symbol(each["symbol"]): each["open_price"] for each in await self.stocks()}

    async def rises(self, symbol: Symbol) -> datetime:
        """Make a stock break out; return the real instant of the request."""
        return await self._jumps(symbol, self._opens[symbol] * _BREAKS_OUT)

    async def falls(self, symbol: Symbol, to: float = _BELOW_THE_STOP) -> datetime:
        """Make a stock fall to a share of the breakout's price, through the stop of a worker that bought there."""
        return await self._jumps(symbol, self._opens[symbol] * _BREAKS_OUT * to)

    async def arrivals(self, symbol: Symbol, side: Side) -> list[Arrival]:
        """Return the orders of a stock that have arrived, oldest first."""
        return [each for each in await self._arrived() if each.symbol == symbol and each.side is side]

    async def sales(self) -> list[Arrival]:
        """Return all sales that have arrived, oldest first."""
        return [each for each in await self._arrived() if each.side is Side.SELL]

    async def _arrived(self) -> list[Arrival]:
        return [
            Arrival(
                each["number"],
                Symbol(each["symbol"]),
                Side(each["side"]),
                self._clock.real_time(datetime.fromisoformat(each["placed_at"])),
            )
            for each in (await self.account())["orders"]
            if not each["original"]
        ]

    async def calls_since(self, real: datetime) -> list[CallSeen]:
        """Return every call since a real instant, oldest first."""
        listed = (await self._client.get("/control/calls", params={"since": real.isoformat()})).raise_for_status()
        return [CallSeen(datetime.fromisoformat(each["at"]), each["tr_id"], each["passed"]) for each in listed.json()]

    async def account(self) -> Mapping[str, Any]:
        """Return the broker's truth of our account."""
        number = SIMULATED_ACCOUNT.partition("-")[0]
        account: dict[str, Any] = (await self._client.get(f"/control/accounts/{number}")).raise_for_status().json()
        return account

    async def stocks(self) -> list[dict[str, Any]]:
        """Return the current state of every listed stock."""
        listed: list[dict[str, Any]] = (await self._client.get("/control/symbols")).raise_for_status().json()
        return listed

    async def stands_still(self, symbol: Symbol, price: int) -> None:
        """Hold a stock at one price from now on."""
        (await self._client.post("/control/prices", json={"symbol": symbol, "price": price})).raise_for_status()

    async def breaks(self, **rule: Any) -> None:
        """Add a fault."""
        (await self._client.post("/control/faults", json=rule)).raise_for_status()

    async def restore(self) -> None:
        """Remove all faults."""
        (await self._client.delete("/control/faults")).raise_for_status()

    async def status(self) -> Mapping[str, Any]:
        """Return the simulator's status, including ``calls``."""
        status: dict[str, Any] = (await self._client.get("/control/status")).raise_for_status().json()
        return status

    async def _jumps(self, symbol: Symbol, price: float) -> datetime:
        at = real_now()
        (await self._client.post("/control/prices", json={"symbol": symbol, "price": round(price)})).raise_for_status()
        return at
