"""The key of the audit log's seals, derived from a secret that is not in the database."""

import hmac
from hashlib import sha256

from domain.identity import Environment
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.token_key import kept_key
from runtime.settings import Settings, SettingsError
from runtime.token_key import token_key


def audit_key(settings: Settings) -> bytes | None:
    """Return the key of the log's seals; None where the machines of an account share no key.

    It is derived from the key that encrypts the stored access token.
    """
    try:
        secret = token_key(settings)
        if secret is None and settings.broker.environment is Environment.SIMULATED and settings.database_url is None:
            secret = kept_key(settings.data_dir)
    except (SettingsError, EmbeddedError, OSError):
        return None
    return None if secret is None else hmac.new(secret, b"haru audit log", sha256).digest()
