"""One HTTP connection pool to KIS: explicit time-outs, no retries, no redirects, no proxy that could repeat an order.

An order whose reply is given up is dead: see ``sockets.py``. A reply is read within bounds: see ``bounded_http``.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from broker.kis.calls import APPROVAL_PATH, TOKEN_PATH, Call
from broker.kis.connection import ORDER_TIMEOUT, KisConnection
from broker.kis.envelope import FIRST_PAGE, Envelope, PageKeys, read_envelope
from broker.kis.proof import FIRST_BYTE, NoSimulatorError, ProvenTransport
from broker.kis.reach import Reach
from broker.kis.skew import SkewMeter
from broker.kis.sockets import kis_transport
from broker.protocol import AccessToken, MayLeave
from domain.errors import BrokerUnavailableError, EnvironmentMismatchError
from security.bounded_http import ask, ask_for_status

_ORDER_TIMEOUTS: Final = httpx.Timeout(ORDER_TIMEOUT, connect=3.0, pool=2.0)
NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors that prove that no byte of the request was sent."""
_JSON: Final = "application/json; charset=utf-8"


class WindowClosedError(Exception):
    """The time in which an order may be sent ended while its connection was made."""


class _WithoutQuery(logging.Filter):
    """Removes the query, which names the account, from the addresses that httpx logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                part.copy_with(query=None) if isinstance(part, httpx.URL) else part for part in record.args
            )
        return True


_WITHOUT_QUERY: Final = _WithoutQuery()


class Wire:
    """Sends single requests and returns the replies; ``httpx`` errors pass through."""

    def __init__(self, connection: KisConnection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        logging.getLogger("httpx").addFilter(_WITHOUT_QUERY)
        self.connection = connection
        self.clocks = SkewMeter(connection.real_time)
        self.reach = Reach()
        self.span: Callable[[str], AbstractContextManager[object]] = nullcontext
        """Makes a span of a trace around each request, by the last part of its path."""
        self._simulator = None if connection.is_of_kis or transport else ProvenTransport()
        self._http = httpx.AsyncClient(
            transport=transport or self._simulator or kis_transport(),
            timeout=httpx.Timeout(connection.timeout),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # KIS needs no cookies, and a jar only grows
            event_hooks={"request": [self.clocks.before], "response": [self.clocks.after]},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def check_simulator(self) -> None:
        """Request the proof from a server that is not KIS's.

        Raises:
            EnvironmentMismatchError: it is not a simulator. BrokerUnavailableError: it does not answer.
        """
        if self._simulator is None:
            return
        try:
            await self._simulator.prove(httpx.URL(self.connection.trading_url))
        except NoSimulatorError as error:
            raise EnvironmentMismatchError(f"{error}; correct HARU_SIMULATOR__URL or HARU_BROKER__REST_URL") from None
        except httpx.RequestError as error:
            raise BrokerUnavailableError(f"{self.connection.trading_url}: {type(error).__name__}") from None

    async def get(
        self, call: Call, parameters: Mapping[str, str], token: AccessToken, page: PageKeys = FIRST_PAGE
    ) -> Envelope:
        """Request one page."""
        headers = self._headers(call, token) | {"tr_cont": "" if page == FIRST_PAGE else "N"}
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self.connection.timeout):
                envelope = await self._asked("GET", call.path, params=dict(parameters), headers=headers)
        except (httpx.RequestError, OSError) as error:
            self.reach.failed(type(error).__name__)
            raise
        if envelope.has_verdict:
            self.reach.answered()
        else:
            self.reach.failed(f"HTTP {envelope.status}")
        return replace(envelope, took=clock() - began)

    async def post_order(
        self, call: Call, body: Mapping[str, str], token: AccessToken, may_leave: MayLeave
    ) -> Envelope:
        """Send one order request, once, whatever the result.

        Raises:
            WindowClosedError: connecting took so long that the request may no longer be sent; it was not sent.
        """
        headers = self._headers(call, token)

        async def ask_before_the_first_byte(step: str, _: object) -> None:
            if step == FIRST_BYTE and not may_leave():
                raise WindowClosedError

        async with asyncio.timeout(ORDER_TIMEOUT):
            return await self._asked(
                "POST",
                call.path,
                json=dict(body),
                headers=headers,
                timeout=_ORDER_TIMEOUTS,
                extensions={"trace": ask_before_the_first_byte},
            )

    async def get_root(self) -> httpx.Response:
        """Send a request without keys to the trading host; any answer proves that it is reachable."""
        async with asyncio.timeout(self.connection.timeout):
            return await ask_for_status(self._http, self.connection.trading_url + "/")

    async def post_token(self) -> Envelope:
        """Request an access token (``/oauth2/tokenP``)."""
        return await self._post_keys(TOKEN_PATH, "appsecret")

    async def post_approval(self) -> Envelope:
        """Request a WebSocket key (``/oauth2/Approval``), which uses another name for the secret."""
        return await self._post_keys(APPROVAL_PATH, "secretkey")

    async def _post_keys(self, path: str, secret_name: str) -> Envelope:
        body = {
            "grant_type": "client_credentials",
            "appkey": self.connection.app_key.get_secret_value(),
            secret_name: self.connection.app_secret.get_secret_value(),
        }
        async with asyncio.timeout(self.connection.timeout):
            return await self._asked("POST", path, json=body, headers={"content-type": _JSON})

    async def _asked(self, method: str, path: str, **options: Any) -> Envelope:
        with self.span(path.rpartition("/")[2]):
            return await read_envelope(await ask(self._http, method, self.connection.trading_url + path, **options))

    def _headers(self, call: Call, token: AccessToken) -> dict[str, str]:
        self.connection.remember(token.value)
        return {
            "content-type": _JSON,
            "authorization": f"Bearer {token.value}",
            "appkey": self.connection.app_key.get_secret_value(),
            "appsecret": self.connection.app_secret.get_secret_value(),
            "tr_id": call.tr_id(self.connection.environment),
            "custtype": "P",
        }
