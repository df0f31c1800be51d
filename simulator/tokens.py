"""Access tokens: valid for 24 hours, the same token within six hours, one issue per minute."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256, sha512
from typing import Any, Final

from simulator.access import KEY_LENGTH, SECRET_LENGTH

LIFE: Final = timedelta(hours=24)
_SAME_TOKEN_FOR: Final = timedelta(hours=6)


class TokenRefusedError(Exception):
    """The gateway refuses key, secret or token; ``code`` is KIS's EGW code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Token:
    """One issued access token; instants are real time."""

    text: str
    app_key: str
    issued_at: datetime
    expires_at: datetime
    is_dead: bool = False
    same_until: datetime | None = None
    """Until when it is handed out again; None for six hours."""


@dataclass(slots=True)
class TokenDesk:
    """Issues and checks tokens of one service; ``others`` are the token desks of other services.

    ``interval`` is real seconds between two issues for one key; ``allowed`` holds the only accepted keys with their
    secrets.
    """

    interval: float
    allowed: Mapping[str, str] | None = None
    others: list["TokenDesk"] = field(default_factory=list, repr=False, compare=False)
    _secrets: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, Token] = field(default_factory=dict)
    _latest: dict[str, Token] = field(default_factory=dict)
    _asked_at: dict[str, datetime] = field(default_factory=dict)

    def check_key(self, app_key: str, secret: str) -> None:
        """Check a key pair: well formed and of no other service. The first secret used with a key is the right one."""
        known = self.allowed is None or app_key in self.allowed
        if len(app_key) != KEY_LENGTH or not known or self.is_foreign(app_key):
            raise TokenRefusedError("EGW00103", "유효하지 않은 AppKey입니다.")
        if self.allowed is not None and self.allowed[app_key] != secret:
            raise TokenRefusedError("EGW00105", "유효하지 않은 AppSecret입니다.")
        if len(secret) != SECRET_LENGTH or self._secrets.setdefault(app_key, _digest(secret)) != _digest(secret):
            raise TokenRefusedError("EGW00105", "유효하지 않은 AppSecret입니다.")

    def is_foreign(self, app_key: str) -> bool:
        """Return whether the key belongs to another service."""
        return any(desk.knows(app_key) for desk in self.others)

    def knows(self, app_key: str) -> bool:
        """Return whether the key has been used here."""
        return app_key in self._secrets

    def issue(self, app_key: str, secret: str, now: datetime) -> Token:
        """Return a token for a key: the last one while it is younger than six hours."""
        self.check_key(app_key, secret)
        asked = self._asked_at.get(app_key)
        if asked is not None and (now - asked).total_seconds() < self.interval:
            raise TokenRefusedError("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)")
        self._asked_at[app_key] = now
        latest = self._latest.get(app_key)
        if latest is not None and now < min(latest.same_until or latest.issued_at + _SAME_TOKEN_FOR, latest.expires_at):
            return latest
        return self.restore(app_key, now)

    def restore(self, app_key: str, issued_at: datetime) -> Token:
        """Create the token of a key and an instant. The same inputs give the same token after a restart."""
        text = _token_text(app_key, issued_at)
        token = Token(text, app_key, issued_at, issued_at + LIFE)
        self._tokens[text] = self._latest[app_key] = token
        return token

    def revoke(self, text: str) -> bool:
        """Revoke a token and return whether it was known."""
        token = self._tokens.pop(text, None)
        if token is not None and self._latest.get(token.app_key) is token:
            del self._latest[token.app_key]
        return token is not None

    def expire_all(self, now: datetime) -> None:
        """Expire all tokens at this real instant."""
        for token in self._tokens.values():
            token.expires_at = min(token.expires_at, now)

    def kill_all(self, same_until: datetime | None) -> None:
        """Refuse all tokens from now on, but hand them out again until a real instant (None: for their six hours)."""
        for token in self._tokens.values():
            token.is_dead, token.same_until = True, same_until

    def check(self, authorization: str, app_key: str, now: datetime) -> None:
        """Raise ``TokenRefusedError`` unless the header carries a valid token of this key."""
        if not authorization.startswith("Bearer "):
            raise TokenRefusedError("EGW00205", "credentials_type이 유효하지 않습니다.(Bearer)")
        token = self._tokens.get(authorization.removeprefix("Bearer ").strip())
        if token is None or token.app_key != app_key or token.is_dead:
            raise TokenRefusedError("EGW00121", "유효하지 않은 token 입니다.")
        if now >= token.expires_at:
            raise TokenRefusedError("EGW00123", "기간이 만료된 token 입니다.")


def _token_text(app_key: str, issued_at: datetime) -> str:
    """Return a token in the form of KIS's: header, claims and signature. ``jti`` is the app key."""
    issued = int(issued_at.timestamp())
    times = {"exp": issued + int(LIFE.total_seconds()), "iat": issued}
    claims = {"sub": "token", "aud": _digest(app_key)[:8], "iss": "unogw", **times, "jti": app_key}
    signature = sha512(f"{app_key}{issued_at.isoformat()}".encode()).digest()
    parts = (_json({"typ": "JWT", "alg": "HS512"}), _json(claims), signature)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
