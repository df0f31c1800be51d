"""The kill switch without PostgreSQL: command each worker by the name that its number implies."""

import asyncio
import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.identity import AccountId
from domain.position import ExitReason
from fleet.commands import CommandOutcome, Verdict, command_one, liquidate
from fleet.fleet import Fleet
from workflows.identity import worker_name

_ANSWER_WITHIN: Final = timedelta(seconds=10)
"""Real time. No sale ends before the database is back, so waiting longer gives no new result."""

_AT_ONCE: Final = 200
"""Workers that are commanded at the same time. After so many numbers in a row without a running worker none follows."""


async def press_without_books(fleet: Fleet, accounts: Collection[AccountId]) -> tuple[CommandOutcome, ...]:
    """Command every running worker to pause and sell; return the outcomes of running workers.

    Worker names follow from their numbers, so neither the ledger nor a list of Temporal's is needed and no foreign
    workflow is commanded. ``accounts`` are the names that the account may have in the unavailable books.
    """
    command = replace(liquidate(ExitReason.KILL_SWITCH), patience=_ANSWER_WITHIN)
    fleets = [replace(fleet, account_id=account) for account in accounts]
    found: list[CommandOutcome] = []
    for first in itertools.count(1, _AT_ONCE):
        names = [worker_name(number) for number in range(first, first + _AT_ONCE)]
        outcomes = await asyncio.gather(*(command_one(each, name, command) for each in fleets for name in names))
        running = [outcome for outcome in outcomes if outcome.verdict is not Verdict.NOT_RUNNING]
        found += running
        if not running:
            break
    return tuple(found)
