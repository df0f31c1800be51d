"""Alert settings from the environment: recipients, levels and language."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic_settings import NoDecode

from runtime.private_values import address_secrets


def _addresses(value: object) -> object:
    """Split addresses at commas. An address may contain commas, so only a comma before the next scheme separates."""
    parts = re.split(r",\s*(?=[A-Za-z][\w+.-]*://)", value) if isinstance(value, str) else value
    return [part.strip().rstrip(",") for part in parts] if isinstance(parts, list) else value


def _web_address(value: SecretStr) -> SecretStr:
    if not re.match(r"https?://[^/\s]+\S*$", value.get_secret_value()):
        raise ValueError("it is not an address that begins with https:// or http://")
    return value


HeartbeatUrl = Annotated[SecretStr, AfterValidator(_web_address)]
AlertUrls = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_addresses)]


class AlertSettings(BaseModel):
    """Channels, alert levels and language."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    urls: AlertUrls = ()
    """Addresses in apprise's format, separated by commas. Each is a secret."""
    minimum_level: Literal["warning", "error", "critical"] = "warning"
    daily_summary: bool = True
    """Whether the day's result is sent after the close."""
    digests: bool = True
    """Whether the digests of weeks and months are sent."""
    trades: bool = False
    """Whether each buy and each sale is sent."""
    heartbeat_url: HeartbeatUrl | None = None
    """Address pinged each minute while all is well, for dead-man's switches such as healthchecks. A secret."""
    language: Literal["en", "ko"] = "en"

    def secrets(self) -> list[str]:
        """Return the addresses and each part of them that may be a key or a password."""
        urls = [*self.urls, *([self.heartbeat_url] if self.heartbeat_url else [])]
        return [secret for url in urls for secret in address_secrets(url.get_secret_value())]
