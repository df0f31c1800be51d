"""Names of an account and of an app key for ids, tables and the Web UI. They reveal neither."""

import hashlib

from pydantic import SecretStr

from database.database import Database
from domain.hosts import SIMULATED_KEY
from domain.identity import SIMULATED_ACCOUNT, AccountId, Environment, account_alias
from runtime.settings import Settings


def account_of(settings: Settings) -> AccountId:
    """Return the alias that the configured account has in new books.

    The app key is the secret behind the alias: every machine of the account has it, books are already bound to it,
    and books never store it.
    """
    broker = settings.broker
    number = broker.account or SIMULATED_ACCOUNT
    if broker.environment is Environment.SIMULATED or broker.app_key is None:
        return account_alias(broker.environment, number)
    return account_alias(broker.environment, number, broker.app_key.get_secret_value().encode())


def names_of(settings: Settings) -> tuple[AccountId, ...]:
    """Return every alias that books may have for the configured account."""
    older = account_alias(settings.broker.environment, settings.broker.account or SIMULATED_ACCOUNT)
    return tuple(dict.fromkeys((account_of(settings), older)))


def account_in(settings: Settings, database: Database) -> AccountId:
    """Return the alias of the configured account in these books. Books with an alias of the older kind keep it."""
    *_, older = names_of(settings)
    return older if database.pinned_account == older else account_of(settings)


def key_fingerprint(settings: Settings) -> str:
    """Return a value that distinguishes app keys without revealing them."""
    return fingerprint(settings.broker.app_key or SecretStr(SIMULATED_KEY))


def fingerprint(key: SecretStr) -> str:
    """Return 64 bits of a digest. An app key is 36 random characters, so brute force is not feasible."""
    return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:16]
