"""Read a report's data from PostgreSQL only. Broker and Temporal may be away."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from database.database import Database
from database.day_seen import FillSeen, KeptVerdict, PriceBar, StateChange
from domain.audit_log import Anchor, Row
from domain.event import Event
from domain.event_kind import EventKind
from domain.excursion import PriceRange
from domain.identity import AccountId, PositionId
from domain.position import ClosedTrade, OpenPosition
from domain.rules import ExitRules
from domain.session import Session, SessionDate
from domain.summary import DailySummary
from domain.verdict import Standing
from reporting.after_close import NOT_LOOKED, AfterClose, read_after_close
from reporting.market import RefusedEntry, refused_entries

if TYPE_CHECKING:
    from database.audit import AuditedOrder

SHOWN_ELSEWHERE: Final = (
    EventKind.ENTRY_DENIED,
    EventKind.POSITION_BOUGHT,
    EventKind.POSITION_SOLD,
    EventKind.OPERATOR_COMMAND,
    EventKind.DIGEST_WRITTEN,
)
"""Kinds of events that are no incident of a session."""


@dataclass(frozen=True, slots=True)
class DayBooks:
    """One session from our books. ``summaries`` starts with the fleet's. ``left`` was not closed in the session."""

    account_id: AccountId
    session: Session
    summaries: tuple[DailySummary, ...]
    trades: tuple[ClosedTrade, ...] = ()
    left: tuple[OpenPosition, ...] = ()
    orders: "tuple[AuditedOrder, ...]" = ()
    fills: tuple[FillSeen, ...] = ()
    bars: tuple[PriceBar, ...] = ()
    states: tuple[StateChange, ...] = ()
    events: tuple[Event, ...] = ()
    verdict: KeptVerdict | None = None
    after_close: AfterClose = NOT_LOOKED
    commands: tuple[Row, ...] = ()
    last_row: Anchor | None = None
    """Last row of the whole audit log when the books were read."""
    exit_rules: Mapping[PositionId, ExitRules] = field(default_factory=dict)
    refused: tuple[RefusedEntry, ...] = ()
    standings: tuple[Standing, ...] = ()
    """What stands behind the code that decided the entries: a verdict, or an operator's confirmation."""

    @property
    def date(self) -> SessionDate:
        """Return the KST date of the session."""
        return self.session.date

    @property
    def fleet(self) -> DailySummary:
        """Return the summary over all workers."""
        return self.summaries[0]

    @property
    def positions(self) -> tuple[ClosedTrade | OpenPosition, ...]:
        """Return all positions held in the session."""
        return (*self.trades, *self.left)

    def ranges(self) -> dict[PositionId, PriceRange]:
        """Return the lowest and highest observed price of each position."""
        found: dict[PositionId, PriceRange] = {}
        for bar in self.bars:
            seen = found.get(bar.position_id, PriceRange(bar.low, bar.high))
            found[bar.position_id] = PriceRange(min(seen.low, bar.low), max(seen.high, bar.high))
        return found


async def read_day(database: Database, account_id: AccountId, session: Session) -> DayBooks:
    """Read a session's books. An unknown session gives empty books."""
    seen, date = database.day_seen, session.date
    trades = await database.trades.on(account_id, date)
    left = await database.positions.left_after(account_id, date)
    positions = [*(trade.position_id for trade in trades), *(position.position_id for position in left)]
    stamps = {each.position_id: each.strategy for each in left} | {each.position_id: each.strategy for each in trades}
    codes = {(stamp.name, stamp.source) for stamp in stamps.values()}
    return DayBooks(
        account_id=account_id,
        session=session,
        summaries=await database.summaries.compute(account_id, date),
        trades=trades,
        left=left,
        orders=await database.audit.orders_on(account_id, date),
        fills=await seen.fills_of(positions),
        bars=await seen.bars_of(positions),
        states=await seen.states_on(account_id, date),
        events=await seen.events_on(account_id, date, but=SHOWN_ELSEWHERE),
        verdict=await seen.verdict_on(account_id, date),
        after_close=await read_after_close(database, account_id, date),
        commands=await database.audit_logs.on(account_id, date, date),
        last_row=await database.audit_logs.last(account_id),
        exit_rules=await seen.exit_rules_of(positions),
        refused=refused_entries(await seen.refusals_on(account_id, date)),
        standings=await database.verdicts.standings(account_id, sorted(codes)),
    )
