"""Where KIS is, whose account it is, and how long an answer may take."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from domain.errors import EnvironmentMismatchError
from domain.identity import Environment

LIVE_URL: Final = "https://openapi.koreainvestment.com:9443"
PAPER_URL: Final = "https://openapivts.koreainvestment.com:29443"

ORDER_TIMEOUT: Final = 8.0
"""Seconds from the first byte of an order request to the last of its reply; shorter than a symbol's lease."""

ORDER_PATIENCE: Final = 12.0
"""Seconds an order may wait for its token and its slot before it is given up unsent."""

_LONGEST_TEXT: Final = 300
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

    def __post_init__(self) -> None:
        account = self.account_number.get_secret_value()
        if not (len(account) == 8 and account.isascii() and account.isdigit()):
            raise ValueError("account_number must be the first eight digits of the account")
        for name, secret in (("app_key", self.app_key), ("app_secret", self.app_secret)):
            value = secret.get_secret_value()
            if not value or not value.isascii() or any(not 32 < ord(character) < 127 for character in value):
                raise ValueError(f"{name} is empty or holds a blank, a line break or a foreign character")
        _check_host(self.environment, self.trading_url)

    def masked(self, text: str) -> str:
        """Return the beginning of a text from outside, on one line and without our key, secret or account number."""
        for secret in (self.app_secret, self.app_key, self.account_number):
            text = text.replace(secret.get_secret_value(), "***")
        return "".join(character if character.isprintable() else " " for character in text[:_LONGEST_TEXT]).strip()


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
