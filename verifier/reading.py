"""Reading the three books of one session, each from where it is kept."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from broker.protocol import Broker
from database.database import Database
from domain.clock import MarketClock
from domain.identity import AccountId, WorkerId
from domain.session import SessionDate, SessionPlan
from verifier.books import Books, BrokerBook, Ledger
from verifier.broker_truth import listed_book, simulated_book
from verifier.histories import read_histories
from workflows.identity import close_workflow_id

_BEFORE_THE_SESSION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Simulated:
    """Where a simulator's truth is asked for."""

    url: str
    account_number: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the three books of an account are kept."""

    client: Client
    database: Database
    broker: Simulated | Broker
    account_id: AccountId
    clock: MarketClock


async def read_books(sources: Sources, plan: SessionPlan) -> Books:
    """Read everything once, the broker last: what it has done meanwhile, the ledger may not know yet."""
    ledger = await _ledger(sources, plan.session.date)
    since = sources.clock.real_time(plan.session.opens_at) - _BEFORE_THE_SESSION
    workers = await sources.database.workers.all_of(sources.account_id)
    names: dict[str, WorkerId] = {worker.workflow_id: worker.worker_id for worker in workers}
    histories = await read_histories(sources.client, names, close_workflow_id(sources.account_id), since)
    return Books(
        plan=plan,
        clock=sources.clock,
        read_at=datetime.now(UTC),  # noqa: TID251 - the real instant of the reading is part of the books
        broker=await _broker(sources, plan.session.date, ledger),
        ledger=ledger,
        histories=histories,
    )


async def _ledger(sources: Sources, date: SessionDate) -> Ledger:
    database, account = sources.database, sources.account_id
    orders = await database.audit.orders_on(account, date)
    first = min((order.created_at for order in orders), default=datetime.now(UTC))  # noqa: TID251 - nothing to look at
    return Ledger(
        orders=orders,
        fills=await database.audit.fills_on(account, date),
        positions=await database.audit.positions_around(account, date),
        trades=await database.trades.on(account, date),
        summaries=await database.summaries.on(account, date),
        events=await database.audit.events_on(account, date),
        acquisitions=await database.audit.acquisitions_around(account, date),
        lapses=await database.audit.lapses_since(account, first),
        entries_closed_at=await database.audit.entries_closed_at(account, date),
        sold_by_others_before=await database.audit.sold_by_others_before(account, date),
        sold_later=await database.audit.sold_later(account, date),
    )


async def _broker(sources: Sources, date: SessionDate, ledger: Ledger) -> BrokerBook:
    if isinstance(sources.broker, Simulated):
        return await simulated_book(sources.broker.url, sources.broker.account_number)
    ours = frozenset(order.record.ref.number for order in ledger.orders if order.record.ref is not None)
    owned_before = await sources.database.first_looks.of(sources.account_id, date) or {}
    return await listed_book(sources.broker, date, ours, owned_before)
