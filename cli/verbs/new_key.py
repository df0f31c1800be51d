"""``starter.py new-key``: print new keys."""

import argparse

from cryptography.fernet import Fernet

from cli.plain_answers import answer
from security.sealing.keys import new_key


async def make_keys(asked: argparse.Namespace) -> int:
    """Print new keys: for the stored token, and for payloads in Temporal."""
    keys = {"HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(), "HARU_PAYLOADS__KEYS": new_key()}
    answer(asked, keys, "\n".join(f"{name}={key}" for name, key in keys.items()))
    return 0
