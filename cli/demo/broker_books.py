"""The simulated broker's own books of an account, the reference for a day's report."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from domain.market import Symbol
from fleet.errors import NothingRunsError
from security.bounded_http import ask

_NEW: Final = "new"


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Holding(_Shown):
    """Shares in the account according to the broker."""

    symbol: Symbol
    quantity: int


class BookedOrder(_Shown):
    """A row of the broker's order list; won and shares, cumulative."""

    day: Annotated[date, Field(strict=False)]
    number: str
    action: str
    symbol: Symbol
    filled: int
    amount: int
    remaining: int

    @property
    def is_new(self) -> bool:
        """Return whether this is a new order, not an amendment or a cancellation."""
        return self.action == _NEW


class BrokerBooks(_Shown):
    """One account at the simulated broker. Amounts in won."""

    opening_cash: int
    cash: int
    holdings: tuple[Holding, ...] = Field(strict=False)
    orders: tuple[BookedOrder, ...] = Field(strict=False)
    commission: int
    tax: int

    @property
    def cash_change(self) -> int:
        """Return the account's total profit or loss."""
        return self.cash - self.opening_cash

    @property
    def held(self) -> tuple[Holding, ...]:
        """Return the holdings with shares in them."""
        return tuple(holding for holding in self.holdings if holding.quantity)


async def read_broker_books(simulator_url: str, account_number: str, control_headers: Mapping[str, str]) -> BrokerBooks:
    """Read an account from the simulator's control API.

    Raises:
        NothingRunsError: the simulator does not answer.
    """
    try:
        async with httpx.AsyncClient(base_url=simulator_url, headers=dict(control_headers), trust_env=False) as client:
            reply = (await ask(client, "GET", f"/control/accounts/{account_number}")).raise_for_status()
    except httpx.HTTPError as error:
        raise NothingRunsError(f"the simulator at {simulator_url} does not answer: {error!r}") from None
    return BrokerBooks.model_validate(reply.json())
