"""A database belongs to one account, one environment and one fleet."""

import asyncio
from datetime import timedelta

import pytest

from database.database import Database, open_database
from database.errors import AccountInUseError, EnvironmentMismatchError
from domain.identity import AccountId, Environment
from tests.database.books import FINGERPRINT, another
from tests.support.builders import ACCOUNT

MINUTE = timedelta(minutes=1)


async def test_pinning_again_is_a_check(database: Database) -> None:
    await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)

    assert await database.accounts.pinned() == (ACCOUNT, Environment.SIMULATED, FINGERPRINT)


@pytest.mark.parametrize(
    ("account", "environment", "fingerprint"),
    [
        (ACCOUNT, Environment.LIVE, FINGERPRINT),
        (another(), Environment.SIMULATED, FINGERPRINT),
        (ACCOUNT, Environment.SIMULATED, "another key"),
    ],
)
async def test_a_database_belongs_to_one_account_environment_and_key(
    database: Database, account: AccountId, environment: Environment, fingerprint: str
) -> None:
    with pytest.raises(EnvironmentMismatchError, match="simulated account simulated-test"):
        await database.accounts.pin(account, environment, fingerprint)


async def test_of_two_accounts_pinned_at_once_one_stays(database_url: str) -> None:
    first, second = await open_database(database_url), await open_database(database_url)

    outcomes = await asyncio.gather(
        first.accounts.pin(ACCOUNT, Environment.PAPER, "a"),
        second.accounts.pin(another(), Environment.LIVE, "b"),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [EnvironmentMismatchError]
    await first.aclose()
    await second.aclose()


async def test_a_second_fleet_is_refused_while_the_first_is_alive(database: Database) -> None:
    first = await database.accounts.join(ACCOUNT, "seoul", MINUTE)

    with pytest.raises(AccountInUseError, match="seoul"):
        await database.accounts.join(ACCOUNT, "busan", MINUTE)
    assert await database.accounts.join(ACCOUNT, "seoul", MINUTE) > first


async def test_a_fleet_that_died_is_followed_after_its_lease(database: Database) -> None:
    await database.accounts.join(ACCOUNT, "seoul", timedelta(0))

    await database.accounts.join(ACCOUNT, "busan", MINUTE)

    with pytest.raises(AccountInUseError, match="busan"):
        await database.accounts.join(ACCOUNT, "seoul", MINUTE)


async def test_a_fleet_that_leaves_lets_the_next_one_in_at_once(database: Database) -> None:
    await database.accounts.join(ACCOUNT, "seoul", MINUTE)

    assert await database.accounts.leave(ACCOUNT, "seoul")
    assert not await database.accounts.leave(ACCOUNT, "seoul")
    await database.accounts.join(ACCOUNT, "busan", MINUTE)


async def test_an_account_that_was_never_pinned_cannot_be_joined(database: Database) -> None:
    with pytest.raises(EnvironmentMismatchError):
        await database.accounts.join(another(), "seoul", MINUTE)
