"""Queries to KIS: a query may be retried a few times; each call takes a slot of the budget. No orders here."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import httpx

from broker.kis.auth import TokenKeeper
from broker.kis.calls import Call
from broker.kis.codes import Meaning
from broker.kis.connection import KisConnection
from broker.kis.envelope import FIRST_PAGE, Envelope, PageKeys
from broker.kis.wire import Wire
from broker.protocol import AccessToken, RateBudget
from domain.errors import (
    BrokerProtocolError,
    BrokerRefusedError,
    BrokerUnavailableError,
    CredentialsRefusedError,
    RateLimitedError,
    TradingError,
)
from domain.lane import Crowding, Lane

RATE_PAUSES: Final = (0.2, 0.6)
"""Seconds before retrying a query that exceeded the rate of all calls (EGW00201)."""
LEDGER_PAUSE: Final = 1.05
"""Seconds before retrying a ledger query; KIS accepts about one per second for each account (EGW00215)."""

MOST_PAGES: Final = 100
MOST_LISTED: Final = 10_000
"""Rows of all pages together; KIS's pages have at most 100 rows."""
LARGEST_LIST: Final = 20_000_000
"""Bytes of all pages together."""
PAGES_WITHIN: Final = 60.0
"""Seconds that KIS may take for all pages together, excluding the waits of our own rate budget."""

_ERRORS: Final[Mapping[Meaning, type[TradingError]]] = {
    Meaning.RATE: RateLimitedError,
    Meaning.TOKEN: CredentialsRefusedError,
    Meaning.CREDENTIALS: CredentialsRefusedError,
    Meaning.BUG: BrokerProtocolError,
    Meaning.TRY_AGAIN: BrokerUnavailableError,
}
_LONGEST_KEYS: Final = 400
"""Characters of both page keys together; KIS documents 100 each."""
_SERVER_ERRORS: Final = 500
_TOO_MANY_REQUESTS: Final = 429


INPUT_REFUSED: Final = "OPSQ2001"


class InputRefusedError(BrokerProtocolError):
    """KIS refuses a field's value (OPSQ2001): our mistake, or a value that KIS no longer accepts."""


@dataclass(frozen=True, slots=True)
class Query:
    """A call and its ``parameters`` with KIS's upper-case names."""

    call: Call
    parameters: Mapping[str, str]


class KisQueries:
    """Sends queries to KIS with one app key, within one rate budget."""

    def __init__(self, wire: Wire, budget: RateBudget, keeper: TokenKeeper) -> None:
        self._wire = wire
        self._budget = budget
        self._keeper = keeper

    @property
    def connection(self) -> KisConnection:
        """Return the connection, with its key and address."""
        return self._wire.connection

    async def ask(self, query: Query, lane: Lane, page: PageKeys = FIRST_PAGE) -> Envelope:
        """Send one query and return KIS's successful answer.

        Raises:
            TryAgainError: KIS could not be reached, was busy, or counted too many calls.
            BrokerRefusedError: KIS understood and refused the query.
            StopTradingError: KIS does not accept our keys, or one side violates the protocol.
        """
        envelope = await self._ask_once(query, lane, page)
        for pause in RATE_PAUSES:
            if envelope.meaning is not Meaning.RATE:
                break
            await asyncio.sleep(LEDGER_PAUSE if envelope.crowding is Crowding.LEDGER else pause)
            envelope = await self._ask_once(query, lane, page)
        return self._successful(query.call, envelope)

    async def ask_all(self, query: Query, lane: Lane, rows: str = "output1") -> list[Envelope]:
        """Request every page of a list; its rows are under the key ``rows``.

        Raises:
            BrokerProtocolError: a page was repeated, or the pages do not end. Else as ``ask``.
            BrokerUnavailableError: the pages took too long.
        """
        pages = [await self.ask(query, lane)]
        shown = {_digest(pages[0], rows)}
        while pages[-1].continues:
            _check_bounds(query.call, pages, rows)
            keys = pages[-1].page_keys
            if not (keys.fk + keys.nk).isprintable() or len(keys.fk + keys.nk) > _LONGEST_KEYS:
                raise BrokerProtocolError(f"{query.call.label}: ctx_area_fk100 or ctx_area_nk100 cannot be")
            following = await self.ask(query, lane, keys)
            if (digest := _digest(following, rows)) and digest in shown:
                raise BrokerProtocolError(f"{query.call.label}: page {len(pages) + 1} repeats an earlier one")
            shown.add(digest)
            pages.append(following)
        return pages

    async def _ask_once(self, query: Query, lane: Lane, page: PageKeys) -> Envelope:
        token = await self._keeper.token()
        envelope = await self._get(query, token, lane, page)
        if envelope.meaning is not Meaning.TOKEN:
            return envelope
        self._keeper.forget(token)
        return await self._get(query, await self._keeper.token(), lane, page)

    async def _get(self, query: Query, token: AccessToken, lane: Lane, page: PageKeys) -> Envelope:
        parameters = dict(query.parameters)
        if "CTX_AREA_FK100" in parameters:
            parameters |= {"CTX_AREA_FK100": page.fk, "CTX_AREA_NK100": page.nk}
        async with self._budget.slot(lane) as slot:
            try:
                envelope = await self._wire.get(query.call, parameters, token, page)
                slot.learn(envelope.crowding)
                return envelope  # noqa: TRY300 - the slot is held until here
            except (httpx.RequestError, OSError) as error:
                slot.learn(Crowding.UNKNOWN)
                text = f"{query.call.label}: {type(error).__name__} {self.connection.masked(str(error))}".rstrip()
        raise BrokerUnavailableError(text)  # outside, so that the original exception and its text are not chained

    def _successful(self, call: Call, envelope: Envelope) -> Envelope:
        if envelope.succeeded or (envelope.has_verdict and envelope.meaning is Meaning.NO_ROWS):
            return envelope
        code, message = envelope.code, self.connection.masked(envelope.message)
        text = f"{call.label}: HTTP {envelope.status} {self.connection.masked(code)} {message}".rstrip()
        if code == INPUT_REFUSED:
            raise InputRefusedError(text)
        error = _ERRORS.get(envelope.meaning)
        if error is not None:
            raise error(text)
        if envelope.meaning is Meaning.UNLISTED and _is_passing(envelope.status):
            raise BrokerUnavailableError(text)
        if not envelope.has_verdict:
            raise BrokerProtocolError(f"{text} (not KIS's envelope)")
        raise BrokerRefusedError(self.connection.masked(code), message)


def _is_passing(status: int) -> bool:
    return status >= _SERVER_ERRORS or status == _TOO_MANY_REQUESTS


def _check_bounds(call: Call, pages: Sequence[Envelope], key: str) -> None:
    listed = sum(len(page.listed(key)) for page in pages)
    if len(pages) >= MOST_PAGES or listed > MOST_LISTED or sum(page.size for page in pages) > LARGEST_LIST:
        raise BrokerProtocolError(
            f"{call.label}: more than {MOST_PAGES} pages, {MOST_LISTED:,} rows or {LARGEST_LIST:,} bytes"
        )
    if (took := sum(page.took for page in pages)) > PAGES_WITHIN:
        raise BrokerUnavailableError(f"{call.label}: {len(pages)} pages took {took:.0f} s, and more follow")


def _digest(page: Envelope, key: str) -> bytes:
    """Return a digest that is equal for pages with the same rows; empty for a page without rows."""
    rows = (page.body or {}).get(key)
    return blake2b(repr(rows).encode(errors="surrogatepass")).digest() if rows else b""
