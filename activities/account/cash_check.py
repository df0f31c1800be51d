"""Cash part of a reconciliation: compared only while none of our orders is active; reported, never corrected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.cash import CashBaseline, CashCompared, cash_moved, compared
from domain.events.books import cash_differs
from domain.identity import AccountId
from domain.money import NO_WON, Rate, Won
from domain.order import BrokerOrder, OrderRecord
from domain.reconciliation import foreign_orders
from domain.session import SessionDate
from domain.unreadable import unreadable_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Why the two amounts cannot be compared now."""

    reason: str


CashSeen = CashCompared | CashBaseline | NotCompared
"""Result of one read; a baseline if the session has none yet."""


def is_settled(seen: CashSeen) -> bool:
    """Return whether one read is enough.

    A lagging balance looks like a difference and would produce a wrong baseline.
    """
    match seen:
        case CashCompared():
            return not seen.unexplained
        case CashBaseline():
            return not seen.moved.doubt
        case NotCompared():
            return True


def lasting(reads: Sequence[CashSeen]) -> CashSeen:
    """Return the last read; NotCompared if it needs the other reads to agree and they do not."""
    last = reads[-1]
    if is_settled(last) or len({_essence(read) for read in reads}) == 1:
        return last
    return NotCompared("the amount changed during the read")


def _essence(seen: CashSeen) -> tuple[object, ...]:
    match seen:
        case CashCompared():
            return ("unexplained", seen.unexplained)
        case CashBaseline():
            return ("baseline", seen.cash, seen.moved)
        case NotCompared():
            return ("not compared",)


def unexplained(seen: CashSeen) -> Won:
    """Return the unexplained amount (won); 0 if nothing was compared."""
    return seen.unexplained if isinstance(seen, CashCompared) else NO_WON


def cash_in_words(seen: CashSeen) -> str:
    """Describe the cash result in one line."""
    match seen:
        case CashCompared():
            both = f"cash: ledger expects {seen.expected:,}, broker shows {seen.broker:,}"
            parts = [f"difference {seen.difference:+,} won" if seen.difference else "no difference"]
            parts += [f"{seen.others:+,} by orders not sent by Haru"] if seen.others else []
            parts += [f"{seen.unexplained:+,} unexplained"] if seen.unexplained else []
            return f"{both}, {', '.join(parts)}"
        case CashBaseline():
            return f"cash: first reading of the session, broker shows {seen.cash:,} won"
        case NotCompared():
            return f"cash: not compared, {seen.reason}"


@dataclass(frozen=True, slots=True)
class CashRead:
    """A balance's cash, with the orders read before it: the ledger's and those in the broker's list."""

    account_id: AccountId
    session_date: SessionDate
    ledger: tuple[OrderRecord, ...]
    listed: Sequence[BrokerOrder]
    cash: Won | None


class CashCheck:
    """Compares the broker's D+2 cash with a session's baseline and what the ledger has booked since."""

    def __init__(self, database: "Database", pace: "Pace", commission: Rate) -> None:
        self._database = database
        self._pace = pace
        self._commission = commission

    async def ledger(self, account_id: AccountId, session_date: SessionDate) -> tuple[OrderRecord, ...]:
        """Return the session's orders; read them before the balance and pass them to ``seen``."""
        return await self._database.orders.on(account_id, session_date)

    async def seen(self, read: CashRead) -> CashSeen:
        """Compare a balance's cash; NotCompared if an order of the session is active or changed during the read."""
        if read.cash is None:
            return NotCompared("the broker's amount cannot be read")
        if unreadable_of(read.listed):
            return NotCompared("an order in the broker's list cannot be read")
        account_id, session_date, ledger = read.account_id, read.session_date, read.ledger
        baseline = await self._database.cash_baselines.of(account_id, session_date)
        active = sum(record.is_active for record in ledger)
        if active:
            return NotCompared(f"{active} orders of Haru are still active or unresolved")
        if await self.ledger(account_id, session_date) != ledger:
            return NotCompared("Haru's orders changed during the read")
        bound = {record.ref for record in ledger}
        others = foreign_orders(read.listed, bound)
        positions = await self._database.audit.positions_around(account_id, session_date)
        markets = {position.position_id: position.market for position in positions}
        moved = cash_moved(ledger, markets, others, self._commission)
        if baseline is None:
            return CashBaseline(read.cash, moved, self._pace.now())
        return compared(baseline, moved, read.cash)

    async def write_down(self, account_id: AccountId, session_date: SessionDate, seen: CashSeen) -> None:
        """Save a first read as the session's baseline; report an unexplained amount once per session and amount."""
        if isinstance(seen, CashBaseline):
            await self._database.cash_baselines.keep(account_id, session_date, seen)
        elif isinstance(seen, CashCompared) and seen.unexplained:
            await self._database.events.append(cash_differs(account_id, session_date, seen, self._pace.now()))
