"""The key that encrypts secrets of the broker in PostgreSQL, from the settings or the data folder."""

from domain.identity import Environment
from runtime.embedded.token_key import kept_key
from runtime.settings import Settings, SettingsError


def token_key(settings: Settings) -> bytes | None:
    """Return the key that encrypts secrets of the broker in PostgreSQL; None where they open no account.

    Raises:
        SettingsError: several machines may share the database, and no shared key is configured.
    """
    if settings.broker.token_key is not None:
        return settings.broker.token_key.get_secret_value().encode()
    if settings.broker.environment is Environment.SIMULATED:
        return None
    if settings.database_url is not None:
        raise SettingsError(
            "HARU_BROKER__TOKEN_KEY: with DATABASE_URL the access token is kept encrypted under a key that all "
            "machines share; `python starter.py new-key` makes one"
        )
    return kept_key(settings.data_dir)
