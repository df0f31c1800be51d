"""Which addresses are KIS's, which keys can be none of KIS's, and how a server proves that it is our simulator."""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from domain.identity import Environment

REST_URLS: Final[Mapping[Environment, str]] = MappingProxyType(
    {
        Environment.LIVE: "https://openapi.koreainvestment.com:9443",
        Environment.PAPER: "https://openapivts.koreainvestment.com:29443",
    }
)
"""The only addresses that a key of KIS is sent to, letter by letter."""
STREAM_URLS: Final[Mapping[Environment, str]] = MappingProxyType(
    {
        Environment.LIVE: "ws://ops.koreainvestment.com:21000",
        Environment.PAPER: "ws://ops.koreainvestment.com:31000",
    }
)
"""KIS's streams have no TLS; these two are the only addresses beyond our own simulators that are spoken to without."""

SIMULATED_KEY: Final = "HARU-SIMULATED-KEY-0000000000000000A"
SIMULATED_SECRET: Final = "S" * 180
SIMULATED_HTS_ID: Final = "haru"
PROOF_PATH: Final = "/control/proof"
_WORTHLESS: Final = "HARU-"
_KIS_DOMAIN: Final = "koreainvestment.com"


def opens_nothing(app_key: str) -> bool:
    """Tell whether a key is made up: KIS's consist of letters and digits, so that this one opens no account there."""
    return app_key.startswith(_WORTHLESS)


def is_of_kis(host: str) -> bool:
    """Tell whether a host, as the HTTP client has read it, is one of KIS's."""
    name = host.rstrip(".").lower()
    return name == _KIS_DOMAIN or name.endswith(f".{_KIS_DOMAIN}")


def proof_of(challenge: str) -> str:
    """Return what a simulator answers to a challenge, and no server of KIS ever does."""
    return sha256(f"haru simulator {SIMULATED_SECRET} {challenge}".encode()).hexdigest()
