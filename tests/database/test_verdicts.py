"""Verdicts and confirmations are kept by the hash of the source; the latest counts, and no row is ever changed."""

from typing import Any

import psycopg
import pytest

from database.database import Database
from database.verdicts import Confirmation
from domain.verdict import Conclusion, Standing
from tests.support.application_role import as_application
from tests.support.builders import ACCOUNT

OURS, OTHER = "a" * 64, "b" * 64
CODE = ("momentum", OURS)


def judged(conclusion: str, source: str = OURS) -> dict[str, Any]:
    return {
        "strategy": "momentum",
        "source": source,
        "conclusion": conclusion,
        "backtest": "momentum-1",
        "checks": [],
        "figures": {"net_bp": 1.5},
    }


async def standing(database: Database, source: str = OURS) -> Standing:
    (found,) = await database.verdicts.standings(ACCOUNT, [("momentum", source)])
    return found


async def test_the_latest_verdict_of_this_source_counts(database: Database) -> None:
    assert await standing(database) == Standing("momentum", OURS, None)

    for conclusion in ("no_edge_after_costs", "pass"):
        await database.verdicts.keep(judged(conclusion))
    await database.verdicts.keep(judged("not_enough_evidence", OTHER))

    assert (await standing(database)).conclusion is Conclusion.PASS
    assert (await standing(database)).may_buy
    assert not (await standing(database, OTHER)).may_buy
    await database.verdicts.keep(judged("not_enough_evidence"))
    assert not (await standing(database)).may_buy


async def test_a_confirmation_belongs_to_one_source_and_can_be_withdrawn(database: Database) -> None:
    await database.verdicts.keep(judged("no_edge_after_costs"))
    await database.verdicts.decide(ACCOUNT, Confirmation(*CODE, "kim", "a trial with little money"), accepted=True)

    found = await standing(database)
    assert (found.may_buy, found.has_passed, found.accepted_because) == (True, False, "a trial with little money")
    assert not (await standing(database, OTHER)).may_buy

    await database.verdicts.decide(ACCOUNT, Confirmation(*CODE, "kim", "over"), accepted=False)
    assert not (await standing(database)).may_buy


async def test_code_without_a_source_has_no_verdict_and_no_confirmation(database: Database) -> None:
    assert not (await standing(database, "")).may_buy


@pytest.mark.parametrize("table", ["strategy_verdicts", "unproven_strategies"])
async def test_the_application_changes_no_decision(database: Database, database_url: str, table: str) -> None:
    with psycopg.connect(as_application(database_url), autocommit=True) as connection:
        for statement in (f"UPDATE {table} SET source = source", f"DELETE FROM {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
