"""A raw KIS conversation: paced REST calls and unmodified replies, including header names."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from tools.conformance.asking import CannotAskError

DOMESTIC: Final = "/uapi/domestic-stock/v1"
_TIMEOUT: Final = 15.0
_TOO_FAST: Final = "EGW00201"
_TOO_SOON: Final = "EGW00133"
_ATTEMPTS: Final = 4
_TOKEN_WAIT: Final = 61.0
_WORTH_WAITING: Final = 0.5

T = TypeVar("T")
Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Access:
    """A server and its credentials. ``pace`` is in seconds between calls, ``limit`` in calls per second."""

    rest_url: str
    stream_url: str
    service: str
    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)
    account: str = field(repr=False)
    product: str
    hts_id: str = field(repr=False)
    pace: float
    limit: int
    may_order: bool
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """An unmodified reply. ``names`` are the header names in their original case."""

    status: int
    names: tuple[str, ...]
    headers: httpx.Headers
    text: str
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """Return ``msg_cd``, or ``error_code`` of an OAuth reply."""
        return str(self.body.get("msg_cd") or self.body.get("error_code") or "")

    @property
    def is_success(self) -> bool:
        return self.status == httpx.codes.OK and self.body.get("rt_cd") == "0"

    @property
    def output(self) -> dict[str, str]:
        """Return ``output``; raise TypeError if it is not an object."""
        output = self.body["output"]
        if not isinstance(output, dict):
            raise TypeError(f"output is a {type(output).__name__}")
        return output

    def rows(self, name: str = "output") -> list[dict[str, str]]:
        """Return the rows of an output; raise TypeError if it is not an array."""
        rows = self.body[name]
        if not isinstance(rows, list):
            raise TypeError(f"{name} is a {type(rows).__name__}")
        return rows

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.text[:160].strip()}"


class Kis:
    """One app key's conversation with one server. Rate-limited queries are repeated, orders never."""

    def __init__(self, access: Access, http: httpx.AsyncClient) -> None:
        self.access = access
        self.working: list[tuple[str, str]] = []
        """Number and branch of the orders that this conversation has placed and not cancelled."""
        self.closing = AsyncExitStack()
        """Resources to close at the end of the conversation."""
        self.given: list[str] = []
        """Tokens and approval keys that the server has issued."""
        self._http = http
        self._latest = float("-inf")
        self._known: dict[str, Any] = {}

    @property
    def is_paper(self) -> bool:
        return self.access.service == "paper"

    @property
    def account(self) -> dict[str, str]:
        return {"CANO": self.access.account, "ACNT_PRDT_CD": self.access.product}

    @property
    def pair(self) -> dict[str, str]:
        return {"appkey": self.access.app_key, "appsecret": self.access.app_secret}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown: keys, account, HTS id, and the tokens and keys issued for them."""
        access = self.access
        return (*self.given, access.app_key, access.app_secret, access.account, access.hts_id)

    def tr(self, real: str) -> str:
        """Return the TR id of a ledger call in this service's form."""
        return f"V{real[1:]}" if self.is_paper else real

    async def once(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask once per conversation and cache the answer or the failure."""
        if name not in self._known:
            try:
                self._known[name] = await ask()
            except Exception as error:
                self._known[name] = error
                raise
        known: T = self._known[name]
        if isinstance(known, Exception):
            raise known
        return known

    async def token(self) -> str:
        """Return the conversation's access token."""
        return str((await self.once("token", self._first_issue)).body["access_token"])

    async def token_reply(self) -> Reply:
        """Return the reply that carried the token."""
        return await self.once("token", self._first_issue)

    async def approval_reply(self) -> Reply:
        """Return the reply that carried the approval key."""
        body = {"grant_type": "client_credentials", "appkey": self.access.app_key, "secretkey": self.access.app_secret}
        return await self.once("approval", lambda: self.oauth("Approval", body))

    async def approval_key(self) -> str:
        """Return the approval key of the conversation's WebSocket sessions."""
        key = (await self.approval_reply()).body.get("approval_key")
        if not key:
            raise CannotAskError("no approval key was issued")
        return str(key)

    async def headers(self, tr_id: str) -> dict[str, str]:
        """Return the headers that a client sends with each call."""
        return {**self.pair, "authorization": f"Bearer {await self.token()}", "tr_id": tr_id}

    async def get(self, path: str, tr_id: str, params: Params, **headers: str) -> Reply:
        """Send a query below ``/uapi/domestic-stock/v1``; a header given here replaces the usual one."""
        sent = await self.headers(tr_id) | headers
        return await self.request("GET", DOMESTIC + path, params=params, headers=sent)

    async def post(self, path: str, tr_id: str, body: Mapping[str, Any], **headers: str) -> Reply:
        """Send an order body exactly once."""
        sent = await self.headers(tr_id) | headers
        reply = await self.send("POST", DOMESTIC + path, json=body, headers=sent)
        if reply.code == _TOO_FAST:
            raise CannotAskError(f"the rate limit refused the order: {reply}")
        return reply

    async def oauth(self, path: str, body: Mapping[str, str]) -> Reply:
        """Call an OAuth endpoint, which takes no token and no TR id."""
        reply = await self.send("POST", f"/oauth2/{path}", json=body)
        self.given += [str(reply.body[name]) for name in ("access_token", "approval_key") if reply.body.get(name)]
        return reply

    async def request(self, method: str, path: str, **sent: Any) -> Reply:
        """Send a request and repeat it while the rate limit refuses; only for repeatable requests."""
        reply = await self.send(method, path, **sent)
        for _ in range(_ATTEMPTS - 1):
            if reply.code != _TOO_FAST:
                break
            reply = await self.send(method, path, **sent)
        return reply

    async def send(self, method: str, path: str, **sent: Any) -> Reply:
        """Send one request when its turn comes."""
        await self._turn()
        return await self.send_now(method, path, **sent)

    async def send_now(self, method: str, path: str, **sent: Any) -> Reply:
        """Send one request without waiting for a turn."""
        response = await self._http.request(method, self.access.rest_url + path, timeout=_TIMEOUT, **sent)
        try:
            body = response.json()
        except ValueError:
            body = {}
        names = tuple(name.decode() for name, _ in response.headers.raw)
        return Reply(
            response.status_code, names, response.headers, response.text, body if isinstance(body, dict) else {}
        )

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._latest + self.access.pace - now))
        self._latest = asyncio.get_running_loop().time()

    async def _first_issue(self) -> Reply:
        body = {"grant_type": "client_credentials", **self.pair}
        reply = await self.oauth("tokenP", body)
        if reply.code == _TOO_SOON and self.access.pace > _WORTH_WAITING:
            await asyncio.sleep(_TOKEN_WAIT)
            reply = await self.oauth("tokenP", body)
        if "access_token" not in reply.body:
            raise CannotAskError(f"no token was issued: {reply}")
        return reply
