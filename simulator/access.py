"""Access list of app keys and accounts. Without a list, every well-formed key pair and account is accepted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.orders import AccountId

KEY_LENGTH: Final = 36
SECRET_LENGTH: Final = 180
_ACCOUNT_DIGITS: Final = 8
_EXAMPLE: Final = '{"keys": {"<36 characters>": "<180 characters>"}, "accounts": ["12345678-01"]}'


class AccessListError(ValueError):
    """The list cannot be used. The text names the file, the problem and the expected form."""


@dataclass(frozen=True, slots=True)
class AccessList:
    """App keys with their secrets, and accounts. An empty set of accounts accepts every account."""

    keys: Mapping[str, str]
    accounts: frozenset[AccountId]

    def takes(self, account: AccountId) -> bool:
        """Return whether the list accepts an account."""
        return not self.accounts or account in self.accounts


def read_access_list(path: Path) -> AccessList:
    """Read an access list from JSON.

    Raises:
        AccessListError: the file is unreadable or malformed.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AccessListError(f"{path} cannot be read as JSON: {error}; expected {_EXAMPLE}") from error
    if not isinstance(content, dict) or not isinstance(content.get("keys"), dict) or not content["keys"]:
        raise AccessListError(f"{path} names no keys; expected {_EXAMPLE}")
    for key, secret in content["keys"].items():
        if len(key) != KEY_LENGTH or not isinstance(secret, str) or len(secret) != SECRET_LENGTH:
            raise AccessListError(
                f"{path}: the key {key[:4]}… must have {KEY_LENGTH} characters and its secret {SECRET_LENGTH}"
            )
    accounts = frozenset(_account(path, text) for text in content.get("accounts", []))
    return AccessList(content["keys"], accounts)


def _account(path: Path, text: Any) -> AccountId:
    number, _, product = str(text).partition("-")
    if not (number + product).isdigit() or (len(number), len(product)) != (_ACCOUNT_DIGITS, 2):
        raise AccessListError(f"{path}: {text!r} is no account; write it as 12345678-01")
    return AccountId(number, product)
