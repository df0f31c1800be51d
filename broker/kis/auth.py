"""The fleet's shared access token: renewed before it expires, and never requested in a loop."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from broker.kis.codes import Meaning
from broker.kis.envelope import Envelope
from broker.kis.wire import NEVER_LEFT, Wire
from broker.protocol import AccessToken, RateBudget, TokenIssue, TokenStore
from domain.clock import KST
from domain.errors import (
    BrokerProtocolError,
    BrokerUnavailableError,
    CredentialsRefusedError,
    RateLimitedError,
    TradingError,
    TryAgainError,
)
from domain.lane import Lane

RENEW_AHEAD: Final = timedelta(minutes=30)
ISSUE_INTERVAL: Final = timedelta(seconds=61)
"""KIS issues one token per minute for an app key (EGW00133)."""

_LIFE: Final = timedelta(hours=24)
_SAME_TOKEN: Final = timedelta(hours=6)
"""Within this time KIS returns the same token again, even a dead one."""

_BAD_KEY_REST: Final = timedelta(minutes=10)
_TOKEN_TEXT: Final = re.compile(r"[\x21-\x7e]{1,1000}")
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TokenKeeper:
    """Provides the token that the fleet shares; all instants are real time (UTC)."""

    def __init__(self, wire: Wire, budget: RateBudget, tokens: TokenStore) -> None:
        self._wire = wire
        self._budget = budget
        self._tokens = tokens
        self._one_at_a_time = asyncio.Lock()
        self._held: AccessToken | None = None
        self._refused = ""
        self._next_attempt = _LONG_AGO
        self._next_trial = _LONG_AGO
        self._barred_until = _LONG_AGO
        self._bar = ""

    async def token(self) -> AccessToken:
        """Return a token for requests.

        Raises:
            TryAgainError: there is none now, and it is too early to request one, or the request failed.
            CredentialsRefusedError: KIS does not accept our keys, or returns a dead token.
        """
        if self._held is not None and self._is_good(self._held):
            return self._held
        async with self._one_at_a_time:
            if self._held is None or not self._is_good(self._held):
                self._held = await self._shared_or_new()
            return self._held

    @property
    def refusal(self) -> str:
        """Return why no token is requested at present; empty if there is no reason."""
        if self._held is not None and self._is_alive(self._held):
            return ""
        return self._bar if self._now() < self._barred_until else ""

    def forget(self, refused: AccessToken) -> None:
        """Do not use this token again: KIS has refused it."""
        if self._held is None or self._held.value == refused.value:
            self._held = None
            self._refused = refused.value

    async def _shared_or_new(self) -> AccessToken:
        stored = await self._tokens.current()
        if stored is not None and self._is_good(stored):
            return stored
        if self._now() < self._barred_until:
            return self._on_trial(stored)
        # The error is raised after the lock, so that the attempt stays recorded whatever the store does on errors.
        async with self._tokens.issuing() as issue:
            answer = await self._issue(issue)
        if isinstance(answer, TradingError):
            raise answer
        return answer

    def _on_trial(self, stored: AccessToken | None) -> AccessToken:
        """Return the refused token once a minute: if KIS refused it in error, held shares can be sold again."""
        now = self._now()
        if stored is None or now >= stored.expires_at or now < self._next_trial:
            raise CredentialsRefusedError(self._bar)
        self._next_trial = now + ISSUE_INTERVAL
        self._refused = ""
        return stored

    async def _issue(self, issue: TokenIssue) -> AccessToken | TradingError:
        current = await issue.current()
        if current is not None and self._is_good(current):
            return current
        answer = await self._ask_once_a_minute(issue)
        if isinstance(answer, AccessToken):
            await issue.store(answer)
            return answer
        if isinstance(answer, TryAgainError) and current is not None and self._is_alive(current):
            self._next_attempt = self._now() + ISSUE_INTERVAL
            return current
        return answer

    async def _ask_once_a_minute(self, issue: TokenIssue) -> AccessToken | TradingError:
        last = await issue.last_issued_at()
        if last is not None and self._now() < last + ISSUE_INTERVAL:
            wait = (last + ISSUE_INTERVAL - self._now()).total_seconds()
            return RateLimitedError(f"KIS issues one token a minute; the next may be asked for in {wait:.0f} s")
        await issue.record_attempt()
        try:
            async with self._budget.slot(Lane.EXIT) as slot:
                envelope = await self._wire.post_token()
                slot.learn(envelope.crowding)
        except NEVER_LEFT as error:
            await issue.withdraw_attempt(last)
            return BrokerUnavailableError(f"tokenP: {type(error).__name__}")
        except (httpx.RequestError, OSError) as error:
            return BrokerUnavailableError(f"tokenP: {type(error).__name__}")
        return self._judged(envelope)

    def _judged(self, envelope: Envelope) -> AccessToken | TradingError:
        if envelope.body is not None and envelope.body.get("access_token") and envelope.status == httpx.codes.OK:
            return self._new_token(str(envelope.body["access_token"]), envelope.body.get("access_token_token_expired"))
        text = self._wire.connection.masked(f"tokenP: HTTP {envelope.status} {envelope.code} {envelope.message}")
        if envelope.meaning is Meaning.RATE or _is_too_early(envelope):
            return RateLimitedError(f"{text}; wait {ISSUE_INTERVAL.total_seconds():.0f} s")
        if envelope.meaning in {Meaning.CREDENTIALS, Meaning.TOKEN} or envelope.status in {401, 403}:
            return self._barred(text, self._now() + _BAD_KEY_REST)
        if envelope.status == httpx.codes.OK or envelope.meaning is Meaning.BUG:
            return BrokerProtocolError(f"{text} (no access_token)")
        return BrokerUnavailableError(text)

    def _new_token(self, value: str, end: object) -> AccessToken | TradingError:
        expires_at = _instant(end)
        if expires_at is None or _TOKEN_TEXT.fullmatch(value) is None:
            return BrokerProtocolError("tokenP: access_token or access_token_token_expired cannot be read")
        if expires_at <= self._now():
            return BrokerProtocolError("tokenP: the new token has already expired; check this machine's clock")
        if value == self._refused:
            return self._issued_again(AccessToken(value, expires_at))
        return AccessToken(value, expires_at)

    def _issued_again(self, token: AccessToken) -> AccessToken | TradingError:
        """Request no other token for hours, since KIS would issue the same; try this one now, as it may be valid."""
        may_be_tried = self._now() >= self._next_trial
        bar = self._barred("KIS issued the same token that it refuses", token.expires_at - _LIFE + _SAME_TOKEN)
        if not may_be_tried:
            return bar
        self._refused = ""
        return token

    def _barred(self, text: str, until: datetime) -> CredentialsRefusedError:
        self._next_trial = self._now() + ISSUE_INTERVAL
        self._bar, self._barred_until = text, max(until, self._next_trial)
        return CredentialsRefusedError(text)

    def _is_good(self, token: AccessToken) -> bool:
        now = self._now()
        return self._is_alive(token) and (now < token.expires_at - RENEW_AHEAD or now < self._next_attempt)

    def _is_alive(self, token: AccessToken) -> bool:
        return token.value != self._refused and self._now() < token.expires_at

    def _now(self) -> datetime:
        return self._wire.connection.real_time()


def _is_too_early(envelope: Envelope) -> bool:
    """Return whether a reply is a 403 without a code: KIS's gateway sends it if the last token is seconds old."""
    return envelope.status == httpx.codes.FORBIDDEN and not envelope.code


def _instant(end: object) -> datetime | None:
    try:
        return datetime.strptime(str(end).strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
