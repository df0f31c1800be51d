"""Where KIS is, whose account it is, and how long an answer may take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from domain.errors import EnvironmentMismatchError
from domain.identity import Environment
from domain.masking import Masking

LIVE_URL: Final = "https://openapi.koreainvestment.com:9443"
PAPER_URL: Final = "https://openapivts.koreainvestment.com:29443"

ORDER_TIMEOUT: Final = 8.0
"""Seconds from the first byte of an order request to the last of its reply; shorter than a symbol's lease."""

ORDER_PATIENCE: Final = 12.0
"""Seconds an order may wait for its token and its slot before it is given up unsent."""

_KIS_DOMAIN: Final = "koreainvestment.com"


def system_time() -> datetime:
    """Return this machine's instant (UTC): tokens end in real time, whatever the market's clock does."""
    return datetime.now(UTC)  # noqa: TID251 - the default of an injected clock


@dataclass(frozen=True, slots=True)
class KisConnection:
    """One KIS account and how to reach it; ``timeout`` is in seconds, for queries. Secrets never show in a repr."""

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
        _check_host(self.environment, self.trading_url)

    def remember(self, token: str) -> None:
        """Keep a token of the broker's out of every text that comes from outside."""
        self._tokens.add(SecretStr(token))

    def masked(self, text: str) -> str:
        """Return a text from outside, on one printable line and without our keys, tokens or account number."""
        line = "".join(character if character.isprintable() else " " for character in text).strip()
        secrets = (self.app_secret, self.app_key, self.account_number, *self._tokens)
        return Masking([secret.get_secret_value() for secret in secrets])(line)


def _check_host(environment: Environment, url: str) -> None:
    host = urlsplit(url).hostname or ""
    live, paper = urlsplit(LIVE_URL).hostname, urlsplit(PAPER_URL).hostname
    foreign = {
        Environment.LIVE: host == paper,
        Environment.PAPER: host == live,
        Environment.SIMULATED: host.endswith(_KIS_DOMAIN),
    }
    if not host or foreign[environment]:
        raise EnvironmentMismatchError(f"{host or 'an empty address'} is not a host of the {environment} environment")
