"""One-time codes of a second factor: six digits, a new one each 30 seconds (RFC 6238, with SHA-1 as apps have it)."""

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote

_STEP: Final = 30
_DIGITS: Final = 6
_DRIFT: Final = 1
"""Steps before and after the present one that are accepted; clocks of telephones differ."""


def new_secret() -> str:
    """Return a secret of 160 bits, in base 32 as an authenticator reads it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address_of(secret: str, name: str) -> str:
    """Return the address that an authenticator reads from a QR code."""
    return f"otpauth://totp/{quote(f'Haru:{name}')}?secret={secret}&issuer=Haru&digits={_DIGITS}&period={_STEP}"


def step_at(seconds: float) -> int:
    """Return the number of the step at a time (seconds since 1970)."""
    return int(seconds // _STEP)


def code_of(secret: str, step: int) -> str:
    """Return the code of a step."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    begins = digest[-1] & 15
    number = int.from_bytes(digest[begins : begins + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step_of(secret: str, code: str, seconds: float) -> int | None:
    """Return the step around a time whose code this is; None if there is none. It compares all of them."""
    around = range(step_at(seconds) - _DRIFT, step_at(seconds) + _DRIFT + 1)
    alike = [step for step in around if hmac.compare_digest(code_of(secret, step).encode(), code.strip().encode())]
    return alike[-1] if alike else None
