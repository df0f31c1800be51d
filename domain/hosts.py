"""Which addresses are KIS's, which keys cannot be KIS's, and how a server proves that it is our simulator."""

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
"""The only addresses that a KIS key is sent to; compared exactly."""
STREAM_URLS: Final[Mapping[Environment, str]] = MappingProxyType(
    {
        Environment.LIVE: "ws://ops.koreainvestment.com:21000",
        Environment.PAPER: "ws://ops.koreainvestment.com:31000",
    }
)
"""KIS's streams have no TLS. These two and our own simulators are the only addresses used without it."""

SIMULATED_KEY: Final = "HARU-SIMULATED-KEY-0000000000000000A"
SIMULATED_SECRET: Final = "S" * 180
SIMULATED_HTS_ID: Final = "haru"
PROOF_PATH: Final = "/control/proof"
_WORTHLESS: Final = "HARU-"
_KIS_DOMAIN: Final = "koreainvestment.com"


def opens_nothing(app_key: str) -> bool:
    """Return whether a key is synthetic: KIS keys consist of letters and digits, so this key opens no account."""
    return app_key.startswith(_WORTHLESS)


def is_of_kis(host: str) -> bool:
    """Return whether a host, as parsed by the HTTP client, is one of KIS's."""
    name = host.rstrip(".").lower()
    return name == _KIS_DOMAIN or name.endswith(f".{_KIS_DOMAIN}")


def proof_of(challenge: str) -> str:
    """Return a simulator's answer to a challenge; no KIS server gives it."""
    return sha256(f"haru simulator {SIMULATED_SECRET} {challenge}".encode()).hexdigest()
