"""Settings of the page: where it listens, and under which names and certificate browsers reach it."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

_NAME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(:\d{1,5})?")
_ADDRESS: Final = r"^([A-Za-z0-9.-]+|[0-9A-Fa-f:]+)$"


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _checked(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a host name; write it as in the browser's address: haru.example.com")
    return value.lower()


class WebSettings(BaseModel):
    """The page of `worker.py` and of `starter.py web`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enabled: bool = True
    """Whether `worker.py` starts the page too."""
    host: Annotated[str, Field(pattern=_ADDRESS)] = "127.0.0.1"
    """Address to listen at. Beyond loopback it needs a certificate, names, a password and a second factor."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """Port; 0 picks a free one."""
    names: Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], NoDecode, BeforeValidator(_split)] = ()
    """Names under which browsers reach the page, separated by commas; on loopback those of a reverse proxy."""
    tls_certificate: Path | None = None
    """PEM file with the certificate and its chain."""
    tls_key: Path | None = None
    """PEM file with the certificate's key."""
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    """Hours after which a browser must enter again."""
