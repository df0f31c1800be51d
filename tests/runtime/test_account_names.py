"""The alias of an account: the same on every machine, not guessable by trying numbers, and kept from older books."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from database.database import open_database
from database.errors import EnvironmentMismatchError
from domain.identity import SIMULATED_ACCOUNT, AccountId, Environment, account_alias
from runtime.account_names import account_in, account_of, fingerprint, key_fingerprint
from runtime.broker_settings import BrokerSettings
from runtime.settings import Settings

NUMBER = "50067821-01"


def settings_of(environment: Environment, number: str = NUMBER, key: str = "P" * 36, data: str = ".haru") -> Settings:
    broker = {"app_key": key, "app_secret": "S" * 180, "account": number, "hts_id": "tester"}
    live = {"live_confirmation": "trade-real-money", "live_account": number}
    more = live if environment is Environment.LIVE else {}
    values = BrokerSettings.model_validate({"environment": environment, **broker, **more})
    return Settings.model_construct(broker=values, data_dir=Path(data))


@pytest.mark.parametrize("environment", [Environment.LIVE, Environment.PAPER])
def test_the_alias_of_a_real_account_is_no_digest_of_its_number(environment: Environment) -> None:
    alias = account_of(settings_of(environment))

    assert alias.startswith(f"{environment}-")
    tried = {account_alias(environment, f"500678{rest:04}") for rest in range(10_000)}
    assert alias not in tried
    assert account_alias(environment, NUMBER) in tried, "the older kind is found so"


def test_every_machine_of_an_account_has_the_same_alias() -> None:
    one = account_of(settings_of(Environment.LIVE, "50067821-01", data="/one"))
    other = account_of(settings_of(Environment.LIVE, "5006782101", data="/other"))

    assert one == other


def test_another_account_environment_or_app_key_has_another_alias() -> None:
    settings = [
        settings_of(Environment.LIVE),
        settings_of(Environment.PAPER),
        settings_of(Environment.LIVE, "50067822-01"),
        settings_of(Environment.LIVE, key="Q" * 36),
    ]

    assert len({account_of(each).split("-")[1] for each in settings}) == 4


def test_the_simulated_account_keeps_its_fixed_name() -> None:
    settings = Settings.model_construct(broker=BrokerSettings())

    assert account_of(settings) == account_alias(Environment.SIMULATED, SIMULATED_ACCOUNT)


async def test_new_books_are_pinned_to_the_new_alias(database_url: str) -> None:
    settings = settings_of(Environment.PAPER)
    database = await open_database(database_url)

    assert account_in(settings, database) == account_of(settings)
    await database.accounts.pin(account_of(settings), Environment.PAPER, key_fingerprint(settings))
    await database.aclose()
    database = await open_database(database_url)
    assert account_in(settings, database) == account_of(settings)
    await database.aclose()


async def test_older_books_keep_their_alias(database_url: str) -> None:
    settings = settings_of(Environment.PAPER)
    older = account_alias(Environment.PAPER, NUMBER)
    await pinned(database_url, older, settings)

    database = await open_database(database_url)

    assert account_in(settings, database) == older
    await database.accounts.pin(older, Environment.PAPER, key_fingerprint(settings))
    await database.aclose()


async def test_older_books_of_another_account_are_refused(database_url: str) -> None:
    settings = settings_of(Environment.PAPER)
    await pinned(database_url, account_alias(Environment.PAPER, "50067822-01"), settings)

    database = await open_database(database_url)

    assert account_in(settings, database) == account_of(settings)
    with pytest.raises(EnvironmentMismatchError):
        await database.accounts.pin(account_in(settings, database), Environment.PAPER, key_fingerprint(settings))
    await database.aclose()


def test_a_fingerprint_of_an_app_key_has_too_many_keys_behind_it_to_be_tried() -> None:
    key = os.urandom(18).hex()

    assert len(key) == 36
    assert fingerprint(SecretStr(key)) != fingerprint(SecretStr(key[:-1] + "x"))
    assert len(fingerprint(SecretStr(key))) == 16


async def pinned(url: str, account: AccountId, settings: Settings) -> None:
    database = await open_database(url)
    await database.accounts.pin(account, settings.broker.environment, key_fingerprint(settings))
    await database.aclose()
