"""Masking of secrets in texts: known secrets, and values beside the name of a secret."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

MASK: Final = "***"
_LEAST_SECRET: Final = 6
"""Characters; masking shorter secrets would also mask ordinary words and numbers."""
_NAMED_SECRET: Final = re.compile(
    r"""(?ix) ( ["']? (?: app_?key | app_?secret | secretkey | access_token | refresh_token | approval_key
    | authorization | password | passwd | api[_-]?key | cano ) ["']? \s* [:=] \s* ["'\[]* (?: bearer \s+ )? )
    [^"',;&\s}]+"""
)
_BEARER: Final = re.compile(r"(?i)\bbearer\s+[\w.~+/=-]+")
_JSON_WEB_TOKEN: Final = re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]+)+")
_URL_PASSWORD: Final = re.compile(r"""(\w+://[^:/@\s"']*:)[^\s"']+@""")


class Masking:
    """Masks known secrets, and any value beside the name of a secret, in a text."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = {form for secret in secrets for form in _forms(secret) if len(form) >= _LEAST_SECRET}
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _URL_PASSWORD.sub(rf"\1{MASK}@", text)
        text = _NAMED_SECRET.sub(rf"\1{MASK}", text)
        return _JSON_WEB_TOKEN.sub(MASK, _BEARER.sub(f"Bearer {MASK}", text))

    def within(self, value: Any) -> Any:
        """Return a JSON value with every text in it masked."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {name: self.within(part) for name, part in value.items()}
        return [self.within(part) for part in value] if isinstance(value, list | tuple) else value


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret in the forms that a text may contain: bare, in JSON or a Python literal, in a URL."""
    yield from (secret, repr(secret)[1:-1], secret.replace("\\", "\\\\").replace('"', '\\"'))
    encoded = re.sub(r"[^\w.~/-]", _percents, secret, flags=re.ASCII)
    yield from (encoded, encoded.replace("/", "%2F"), encoded.replace("/", "%2F").replace("%20", "+"))


def _percents(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
