"""The kill switch while PostgreSQL is away: each worker is commanded by the name that it must have."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.identity import AccountId
from domain.position import ExitReason
from fleet.commands import CommandOutcome, Verdict, liquidate, tell_one
from fleet.fleet import Fleet
from fleet.starting import MOST_WORKERS
from workflows.identity import worker_name

_ANSWER_WITHIN: Final = timedelta(seconds=10)
"""Real time; no sale ends before the database is back, so that waiting longer shows nothing more."""


async def press_without_books(fleet: Fleet, accounts: Collection[AccountId]) -> tuple[CommandOutcome, ...]:
    """Command every worker that runs to pause and to sell; return who took the command.

    Neither the ledger nor a list of Temporal's is asked for names: a worker's follows from its number, so no foreign
    workflow is commanded. ``accounts`` are the names that the account may have in the books that are away.
    """
    command = replace(liquidate(ExitReason.KILL_SWITCH), patience=_ANSWER_WITHIN)
    fleets = [replace(fleet, account_id=account) for account in accounts]
    names = [worker_name(number) for number in range(1, MOST_WORKERS + 1)]
    outcomes = await asyncio.gather(*(tell_one(each, name, command) for each in fleets for name in names))
    return tuple(outcome for outcome in outcomes if outcome.verdict is not Verdict.NOT_RUNNING)
