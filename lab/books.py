"""The three books of a session that was played in virtual time, read for the verifier."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from database.database import Database
from domain.clock import MarketClock
from domain.identity import SIMULATED_ACCOUNT, Environment, IntentId, account_alias
from domain.session import SessionPlan
from simulator.app import create_app
from simulator.simulation import Simulation
from verifier.books import Books, BrokerBook, Histories, Submit
from verifier.broker_truth import book_from_json
from verifier.reading import Sources, read_ledger

ACCOUNT: Final = account_alias(Environment.SIMULATED, SIMULATED_ACCOUNT)
"""The account of every day in virtual time."""


async def frozen_books(
    database: Database,
    broker: BrokerBook,
    plan: SessionPlan,
    submits: Sequence[Submit] = (),
    *,
    is_over: bool = True,
) -> Books:
    """Freeze the books. In real time the whole day took moments, so the clock spans it."""
    now = datetime.now(UTC)  # noqa: TID251 - the ledger's real times are compared with it
    clock = MarketClock(now + timedelta(minutes=1), plan.entries_until)
    nobody: Any = None
    ledger = await read_ledger(Sources(nobody, database, nobody, ACCOUNT, clock), plan.session.date)
    # Leases last in real time. Here it measures only how fast the machine plays: a slow one takes longer than a lease.
    ledger = replace(ledger, lapses=())
    histories = Histories(submits=tuple(submits))
    return Books(plan, clock, now + timedelta(hours=6 if is_over else 0), broker, ledger, histories)


def submits_of(intents: Sequence[str], workflow_id: str) -> tuple[Submit, ...]:
    """Return the submissions in the histories, one per attempt."""
    now = datetime.now(UTC)  # noqa: TID251 - beside the ledger's real times
    return tuple(Submit(IntentId(each), workflow_id, now) for each in intents)


async def book_of(simulation: Simulation) -> BrokerBook:
    """Read the account from an in-process exchange through its control API."""
    door = httpx.ASGITransport(create_app(simulation))
    async with httpx.AsyncClient(transport=door, base_url="http://simulator") as client:
        return book_from_json((await client.get(f"/control/accounts/{SIMULATED_ACCOUNT}")).json())
