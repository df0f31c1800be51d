"""Values that must never be shown: names of secret variables, and every secret in an environment."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

PRIVATE: Final = frozenset(
    {
        "DATABASE_URL",
        "HARU_DATABASE_MIGRATION_URL",
        "HARU_BROKER__ACCOUNT",
        "HARU_BROKER__APP_KEY",
        "HARU_BROKER__APP_SECRET",
        "HARU_BROKER__HTS_ID",
        "HARU_QUOTATIONS__APP_KEY",
        "HARU_QUOTATIONS__APP_SECRET",
        "HARU_BROKER__LIVE_ACCOUNT",
        "HARU_BROKER__TOKEN_KEY",
        "HARU_PAYLOADS__KEYS",
        "HARU_SIMULATOR__CONTROL_TOKEN",
        "HARU_ALERTS__URLS",
        "HARU_ALERTS__HEARTBEAT_URL",
        "HARU_TELEMETRY__TRACES_ENDPOINT",
        "HARU_TELEGRAM__TOKEN",
    }
)
_TEMPORAL: Final = re.compile(r"TEMPORAL_(API_KEY|TLS_CLIENT_KEY_DATA|GRPC_META_\w+)")
_LEAST_KEY: Final = 8
_PLAIN_HOST: Final = re.compile(r"localhost|\d+(\.\d+){3}|[\w.-]+\.[a-z]{2,6}")
"""Parts of an address that may appear in a log: a host name or IP address."""
_SCHEME: Final = re.compile(r"[A-Za-z][\w+.-]*://")
_PASSWORDS: Final = frozenset({"password", "sslpassword", "passwd"})


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return every secret in the variables, valid or not."""
    return [secret for name, value in environment.items() for secret in _secrets_in(name.upper(), value) if secret]


def _secrets_in(name: str, value: str) -> Iterator[str]:
    if name in {"DATABASE_URL", "HARU_DATABASE_MIGRATION_URL"}:
        yield from database_secrets(value)
    elif name in {"HARU_BROKER__ACCOUNT", "HARU_BROKER__LIVE_ACCOUNT"}:
        yield from account_secrets(value)
    elif name.startswith(("HARU_ALERTS__", "HARU_TELEMETRY__")) and name in PRIVATE:
        yield from address_secrets(value)
    elif name == "TEMPORAL_ADDRESS":
        yield value.rpartition("@")[0].partition(":")[2]
    elif name == "HARU_TELEGRAM__TOKEN":
        yield from (value, value.partition(":")[2])
    elif name in PRIVATE:
        yield value
    elif _TEMPORAL.fullmatch(name):
        yield from key_secrets(value)


def account_secrets(account: str) -> list[str]:
    """Return the spellings of an account number."""
    digits = account.replace("-", "")
    return [account, digits, digits[:8], f"{digits[:8]}-{digits[8:]}"] if digits else []


def address_secrets(address: str) -> list[str]:
    """Return an address and each part of it that may be a key or a password."""
    parts = re.split(r"[/?&=@:#,]+", _SCHEME.sub("/", address))
    return [address, *(part for part in parts if len(part) >= _LEAST_KEY and not _PLAIN_HOST.fullmatch(part))]


def database_secrets(url: str) -> list[str]:
    """Return the passwords in a PostgreSQL address, including incorrectly encoded ones."""
    rest = url.partition("://")[2]
    written = rest.rpartition("@")[0].partition(":")[2]
    try:
        asked = [value for name, value in parse_qsl(urlsplit(url).query) if name in _PASSWORDS]
    except ValueError:
        asked = []
    return [secret for text in (written, *asked) for secret in dict.fromkeys((text, unquote(text))) if secret]


def temporal_secrets(config: Mapping[str, Any]) -> list[str]:
    """Return the secrets of a connection to Temporal."""
    key = getattr(config.get("tls"), "client_private_key", None)
    values = [str(config.get("api_key") or ""), *map(str, (config.get("rpc_metadata") or {}).values())]
    return [secret for value in (*values, key.decode(errors="replace") if key else "") for secret in key_secrets(value)]


def key_secrets(value: str) -> list[str]:
    """Return a key, and each line of a multi-line key."""
    return [
        line for line in dict.fromkeys((value, *value.splitlines())) if len(line) >= _LEAST_KEY and "-----" not in line
    ]


def unencoded_password(url: str) -> bool:
    """Return whether a PostgreSQL address has an unencoded delimiter in its password."""
    authority, _, path = url.partition("://")[2].partition("/")
    return (
        authority.count("@") > 1
        or any(each in authority for each in "?#")
        or "#" in path
        or "@" in path.partition("?")[0]
    )
