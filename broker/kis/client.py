"""Order requests to KIS: every request is sent at most once, whatever the reply."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

import httpx

from broker.kis.calls import Call
from broker.kis.codes import Meaning
from broker.kis.connection import ORDER_PATIENCE
from broker.kis.envelope import Envelope
from broker.kis.queries import KisQueries
from broker.kis.wire import NEVER_LEFT, WindowClosedError
from broker.protocol import AccessToken, MayLeave
from domain.errors import TradingError
from domain.lane import Crowding, Lane
from domain.money import Won
from domain.order import NOT_SENT, Rejected, Unknown
from security.bounded_http import ReplyRefusedError

_TOO_LATE: Final = Rejected(NOT_SENT, "the send deadline of this request has passed")


class KisClient(KisQueries):
    """Sends queries and orders for one account."""

    @property
    def account(self) -> dict[str, str]:
        """Return the two fields that name the account in every ledger call."""
        return {
            "CANO": self.connection.account_number.get_secret_value(),
            "ACNT_PRDT_CD": self.connection.product_code,
        }

    async def send(
        self, call: Call, body: Mapping[str, str], lane: Lane, may_leave: MayLeave, weight: Won
    ) -> Envelope | Rejected | Unknown:
        """Send one order request at most once, and return its result.

        Of the requests waiting in one lane, the one with the greatest ``weight`` goes first.

        Raises:
            asyncio.CancelledError: it is then unknown whether the order was placed.
        """
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(ORDER_PATIENCE):
                    token = await self._keeper.token()
                    slot = await stack.enter_async_context(self._budget.slot(lane, weight))
            except TimeoutError:
                return Rejected(NOT_SENT, f"no token and slot within {ORDER_PATIENCE:.0f} s")
            except TradingError as error:
                return Rejected(NOT_SENT, str(error))
            if not may_leave():
                return _TOO_LATE
            answer = await self._post_once(call, body, token, may_leave)
            slot.learn(answer.crowding if isinstance(answer, Envelope) else Crowding.UNKNOWN)
            return answer

    async def _post_once(
        self, call: Call, body: Mapping[str, str], token: AccessToken, may_leave: MayLeave
    ) -> Envelope | Rejected | Unknown:
        try:
            envelope = await self._wire.post_order(call, body, token, may_leave)
        except WindowClosedError:
            return _TOO_LATE
        except NEVER_LEFT as error:
            return Rejected(NOT_SENT, f"{call.label}: {type(error).__name__}")
        except ReplyRefusedError as error:
            return Unknown(f"{call.label}: {error}")
        except (httpx.RequestError, OSError) as error:
            return Unknown(f"{call.label}: {type(error).__name__}")
        if envelope.meaning is Meaning.TOKEN:
            self._keeper.forget(token)
        return envelope
