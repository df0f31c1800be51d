"""KIS's address, the account, and the time-outs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx
from pydantic import SecretStr

from domain.errors import EnvironmentMismatchError
from domain.hosts import REST_URLS, is_of_kis, opens_nothing
from domain.identity import Environment
from domain.masking import Masking

ORDER_TIMEOUT: Final = 8.0
"""Seconds from the first byte of an order request to the last of its reply; shorter than a symbol's lease."""

ORDER_PATIENCE: Final = 12.0
"""Seconds that an order may wait for its token and its slot before it is given up unsent."""

_LONGEST_TEXT: Final = 300


def system_time() -> datetime:
    """Return this machine's instant (UTC): tokens expire in real time, independent of the market's clock."""
    return datetime.now(UTC)  # noqa: TID251 - the default of an injected clock


@dataclass(frozen=True, slots=True)
class KisConnection:
    """One KIS account and its address; ``timeout`` is in seconds, for queries. A repr contains no secrets."""

    environment: Environment
    trading_url: str
    app_key: SecretStr
    app_secret: SecretStr
    account_number: SecretStr
    product_code: str = "01"
    timeout: float = 5.0
    real_time: Callable[[], datetime] = system_time
    _tokens: set[SecretStr] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        account = self.account_number.get_secret_value()
        if not (len(account) == 8 and account.isascii() and account.isdigit()):
            raise ValueError("account_number must be the first eight digits of the account")
        for name, secret in (("app_key", self.app_key), ("app_secret", self.app_secret)):
            value = secret.get_secret_value()
            if not value or not value.isascii() or any(not 32 < ord(character) < 127 for character in value):
                raise ValueError(f"{name} is empty or holds a blank, a line break or a foreign character")
        if not self.is_of_kis:
            _check_simulator(self.environment, self.trading_url, self.app_key.get_secret_value())

    @property
    def is_of_kis(self) -> bool:
        """Return whether the address is KIS's for this environment; any other server must prove to be a simulator."""
        return self.trading_url == REST_URLS.get(self.environment)

    def remember(self, token: str) -> None:
        """Add one of the broker's tokens to the secrets masked in external texts."""
        self._tokens.add(SecretStr(token))

    def masked(self, text: str) -> str:
        """Return the start of an external text as one printable line, without our keys, tokens or account."""
        line = "".join(character if character.isprintable() else " " for character in text).strip()
        secrets = (self.app_secret, self.app_key, self.account_number, *self._tokens)
        return Masking([secret.get_secret_value() for secret in secrets])(line)[:_LONGEST_TEXT]


def host_of(url: str) -> str:
    """Return the host that the HTTP client connects to, for an address of only scheme, host and port.

    Raises:
        EnvironmentMismatchError: the address has other parts, is not in canonical form, or cannot be read.
    """
    try:
        read = httpx.URL(url)
        canonical = f"{read.scheme}://{read.netloc.decode()}"
    except (httpx.InvalidURL, ValueError, TypeError):
        read, canonical = httpx.URL(), ""
    if url != canonical or not read.host or read.userinfo or not url.isascii():
        raise EnvironmentMismatchError(f"{_shown(url)} is no address; write it like http://127.0.0.1:9443")
    return read.raw_host.decode()


def _check_simulator(environment: Environment, url: str, app_key: str) -> None:
    host = host_of(url)
    if is_of_kis(host):
        raise EnvironmentMismatchError(f"{host} is not a host of the {environment} environment")
    if not opens_nothing(app_key):
        raise EnvironmentMismatchError(
            f"{host} is not KIS's: a key of KIS is sent to {REST_URLS.get(environment, 'none but KIS')} only. "
            "Unset the address; a simulator takes made-up keys that begin with HARU-"
        )


def _shown(url: str) -> str:
    """Return an address without name and password, on one line."""
    plain = "".join(character if character.isprintable() else " " for character in url)
    return f"***@{plain.rpartition('@')[2]}" if "@" in plain else plain or "an empty address"
