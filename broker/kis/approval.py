"""The fleet's shared WebSocket approval key: stored like the access token, requested again only when KIS refuses it."""

import re
from datetime import datetime, timedelta
from typing import Final

import httpx

from broker.kis.codes import Meaning
from broker.kis.envelope import Envelope
from broker.kis.wire import Wire
from broker.protocol import AccessToken, RateBudget, TokenIssue, TokenStore
from domain.errors import (
    BrokerProtocolError,
    BrokerUnavailableError,
    CredentialsRefusedError,
    RateLimitedError,
    TradingError,
)
from domain.lane import Lane

ISSUE_INTERVAL: Final = timedelta(seconds=30)
"""Minimum time between two key requests; KIS itself accepts one per second."""

_LIFE: Final = timedelta(hours=24)
_RENEW_AHEAD: Final = timedelta(minutes=30)
_KEY_TEXT: Final = re.compile(r"[\x21-\x7e]{1,200}")


class ApprovalKeeper:
    """Provides the approval key that the fleet shares; instants are real time (UTC)."""

    def __init__(self, wire: Wire, budget: RateBudget, keys: TokenStore) -> None:
        self._wire = wire
        self._budget = budget
        self._keys = keys
        self._refused: set[str] = set()

    async def key(self) -> str:
        """Return a key for opening a session; an open session outlives it.

        Raises:
            TryAgainError: there is none now, and it is too early to request one, or the request failed.
            CredentialsRefusedError: KIS does not accept our app key.
        """
        stored = await self._keys.current()
        if stored is not None and self._is_good(stored):
            return stored.value
        # The error is raised after the lock, so that the attempt stays recorded whatever the store does on errors.
        async with self._keys.issuing() as issue:
            answer = await self._issue(issue)
        if isinstance(answer, TradingError):
            raise answer
        return answer.value

    def forget(self, refused: str) -> None:
        """Never use this key again: KIS has refused it (OPSP0011)."""
        self._refused.add(refused)

    async def _issue(self, issue: TokenIssue) -> AccessToken | TradingError:
        current = await issue.current()
        if current is not None and self._is_good(current):
            return current
        last = await issue.last_issued_at()
        if last is not None and self._now() < last + ISSUE_INTERVAL:
            return RateLimitedError(
                f"an approval key can be requested every {ISSUE_INTERVAL.total_seconds():.0f} s at most"
            )
        await issue.record_attempt()
        try:
            async with self._budget.slot(Lane.WATCH):
                envelope = await self._wire.post_approval()
        except (httpx.RequestError, OSError) as error:
            return BrokerUnavailableError(f"Approval: {type(error).__name__}")
        answer = self._judged(envelope)
        if isinstance(answer, AccessToken):
            await issue.store(answer)
        return answer

    def _judged(self, envelope: Envelope) -> AccessToken | TradingError:
        text = self._wire.connection.masked(f"Approval: HTTP {envelope.status} {envelope.code} {envelope.message}")
        if envelope.status == httpx.codes.OK and envelope.body is not None and "approval_key" in envelope.body:
            value = str(envelope.body["approval_key"])
            if _KEY_TEXT.fullmatch(value) is None:
                return BrokerProtocolError("Approval: approval_key cannot be read")
            return AccessToken(value, self._now() + _LIFE)
        if envelope.meaning in {Meaning.CREDENTIALS, Meaning.TOKEN} or envelope.status in {401, 403}:
            return CredentialsRefusedError(text)
        return BrokerUnavailableError(text)

    def _is_good(self, key: AccessToken) -> bool:
        return key.value not in self._refused and self._now() < key.expires_at - _RENEW_AHEAD

    def _now(self) -> datetime:
        return self._wire.connection.real_time()
