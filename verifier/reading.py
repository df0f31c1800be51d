"""Read the three books of one session from their sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from temporalio.client import Client

from broker.protocol import Broker
from database.database import Database
from domain.audit_log import Anchor
from domain.clock import KST, MarketClock
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Quantity
from domain.session import SessionDate, SessionPlan, session_date_of
from verifier.books import Audit, Books, BrokerBook, Ledger
from verifier.broker_truth import KnownOfDay, Simulated, as_of, listed_book, simulated_book
from verifier.histories import read_histories

_BEFORE_THE_SESSION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of an account's three books."""

    client: Client
    database: Database
    broker: Simulated | Broker
    account_id: AccountId
    clock: MarketClock
    audit_key: bytes | None = field(default=None, repr=False)
    last_row: Callable[[], Anchor | None] = lambda: None
    """The last row of the audit log that this machine has written."""


async def read_books(sources: Sources, plan: SessionPlan) -> Books:
    """Read everything once, the broker last: the ledger may not know the broker's latest actions yet."""
    date, read_at = plan.session.date, datetime.now(UTC)  # noqa: TID251 - the real instant of the reading
    is_past = session_date_of(sources.clock.market_time(read_at)) > date
    ledger = await read_ledger(sources, date, is_past=is_past)
    since = sources.clock.real_time(plan.session.opens_at) - _BEFORE_THE_SESSION
    workers = await sources.database.workers.all_of(sources.account_id)
    names: dict[str, WorkerId] = {worker.workflow_id: worker.worker_id for worker in workers}
    span = since, sources.clock.real_time(_end_of(date))
    seen = sources.last_row()  # read before the log: another process may write meanwhile
    log = await sources.database.audit_logs.whole(sources.account_id)
    histories = await read_histories(sources.client, names, sources.account_id, span)
    return Books(
        plan=plan,
        clock=sources.clock,
        read_at=read_at,
        broker=await _broker(sources, date, ledger, is_past=is_past),
        ledger=ledger,
        histories=histories,
        audit=Audit(log, sources.audit_key, seen),
    )


def _end_of(date: SessionDate) -> datetime:
    """Return the market instant at which a KST date ends."""
    return datetime.combine(date + timedelta(days=1), time(), KST)


async def read_ledger(sources: Sources, date: SessionDate, *, is_past: bool = False) -> Ledger:
    """Read our own books of a session; for a past session, exclude what later sessions did to its positions."""
    database, audit, account = sources.database, sources.database.audit, sources.account_id
    orders = await audit.orders_on(account, date)
    first = min((order.created_at for order in orders), default=datetime.now(UTC))  # noqa: TID251 - no orders
    return Ledger(
        orders=orders,
        fills=await audit.fills_on(account, date),
        positions=await (audit.positions_left_by if is_past else audit.positions_around)(account, date),
        trades=await database.trades.on(account, date),
        summaries=await database.summaries.on(account, date),
        events=await audit.events_on(account, date),
        acquisitions=await audit.acquisitions_around(account, date),
        lapses=await audit.lapses_since(account, first),
        entries_closed_at=await audit.entries_closed_at(account, date),
        sold_by_others_before=await audit.sold_by_others_before(account, date),
        sold_later=await audit.sold_later(account, date),
        host_limits=await database.host_limits.referred_on(account, date),
        limits_since=await database.host_limits.first_recorded_at(account),
        results=await database.host_limits.results_on(account, date),
        stops=await database.host_limits.stops_on(account, date),
    )


async def _broker(sources: Sources, date: SessionDate, ledger: Ledger, *, is_past: bool) -> BrokerBook:
    if isinstance(sources.broker, Simulated):
        return as_of(await simulated_book(sources.broker), date)
    ours = frozenset(order.record.ref.number for order in ledger.orders if order.record.ref is not None)
    owned_before = await sources.database.first_looks.of(sources.account_id, date) or {}
    left = await _left_by(sources, date) if is_past else None
    return await listed_book(sources.broker, date, KnownOfDay(ours, owned_before, is_past, left))


async def _left_by(sources: Sources, date: SessionDate) -> Mapping[Symbol, Quantity] | None:
    """Return the holdings that a session's close recorded at the broker; None if no close has checked."""
    if await sources.database.snapshots.proof_of(sources.account_id, date) is None:
        return None
    lines = await sources.database.snapshots.on(sources.account_id, date)
    return {line.symbol: line.broker_quantity for line in lines if line.broker_quantity}
