"""Compare the broker's orders, fills, holdings and cash with the ledger (R20)."""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from activities.account.carried import CarriedShares
from activities.account.cash_check import CashCheck, CashRead, CashSeen, cash_in_words, is_settled, lasting, unexplained
from activities.account.disagreements import Disagreements
from activities.account.foreign_api_orders import ForeignApiOrders
from activities.account.foreign_sales import ForeignSales
from activities.account.late_fills import LateFills
from domain.errors import BrokerProtocolError, BrokerRefusedError, TradingError
from domain.event import EventLevel
from domain.events.books import discrepancy_found
from domain.events.positions import carried_position_changed
from domain.identity import AccountId
from domain.lane import Lane
from domain.market import Symbol
from domain.money import NO_WON, Quantity, Rate, Won
from domain.order import WORKING_STATUSES, BrokerOrder
from domain.position import OpenPosition
from domain.reconciliation import OUR_OWN, Discrepancy, DiscrepancyKind, discrepancies
from domain.session import SessionDate, session_date_of
from domain.unreadable import Rows, UnreadableRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database

logger = logging.getLogger("haru.books")

_READS: Final = 3
BETWEEN_READS: Final = timedelta(seconds=2)
_ABOUT_SHARES: Final = frozenset({DiscrepancyKind.MISSING_HOLDING, DiscrepancyKind.EXCESS_HOLDING})
_FOREIGN_SYMBOL_REST: Final = timedelta(hours=12)
"""Market time for which Haru does not buy a symbol that the owner or another program trades on the account."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Result of a reconciliation: missing fills that were booked, and differences that it must not correct itself.

    ``cash`` describes the cash result, ``cash_unexplained`` (won) is what the broker has more without a known reason.
    """

    booked_fills: int
    differences: tuple[str, ...]
    entries_closed: bool = False
    cash: str = ""
    cash_unexplained: Won = NO_WON
    not_compared: tuple[str, ...] = ()
    """Stocks whose broker rows cannot be read, with the field; they are not compared."""
    failed: str = ""
    """Why the comparison did not finish in time; empty when the books were compared."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One read of the ledger and the broker."""

    booked: int
    differences: frozenset[Discrepancy]
    moving: frozenset[Symbol]
    unreadable: frozenset[UnreadableRow]
    cash: CashSeen


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """Account to reconcile; without ``apply`` the result is returned and nothing is written."""

    account_id: AccountId
    apply: bool = True


def _quietly() -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class How:
    """Rate budget lane of a comparison, and the callback after each read.

    A symbol with one of our fills younger than ``settles_in`` (real time) is excluded: the balance may lag.
    """

    lane: Lane = Lane.RESOLVE
    progress: Callable[[], object] = _quietly
    settles_in: timedelta = timedelta(0)


class BooksComparison:
    """Compares ledger and broker, and writes only what the broker proves."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._cash = CashCheck(database, pace, commission)
        self._restating = CarriedShares(broker, database, pace)
        self._late_fills = LateFills(database, commission)
        self._foreign_sales = ForeignSales(broker, database, pace)
        self._disagreements = Disagreements(database, pace)
        self._foreign_api_orders = ForeignApiOrders(database, pace)

    async def compare(self, request: ReconcileRequest, how: "How") -> Reconciled:
        """Book missing fills of our own orders; report every other difference, and sell none of it silently.

        A difference counts when several reads show it unchanged: single reads differ while other orders trade.
        """
        account_id, session_date = request.account_id, session_date_of(self._pace.now())
        started = await self._database.server.now()
        reads = await self._several(request, session_date, how)
        cash = lasting([read.cash for read in reads])
        differences = sorted(
            frozenset.intersection(*(read.differences for read in reads)), key=lambda each: each.in_words
        )
        if request.apply:
            explained = await self._settle_carried(account_id, session_date, differences)
            differences = [difference for difference in differences if difference not in explained]
        ours = [difference for difference in differences if difference.kind in OUR_OWN]
        unreadable = frozenset.intersection(*(read.unreadable for read in reads))
        if request.apply:
            await self._write_down(account_id, session_date, differences)
            await self._disagreements.record(account_id, session_date, ours)
            await self._disagreements.lift(account_id, session_date, started, partial(_agrees, reads))
            await self._cash.write_down(account_id, session_date, cash)
            await self._rest(account_id, unreadable)
        words = tuple(difference.in_words for difference in differences)
        return Reconciled(
            sum(read.booked for read in reads),
            words,
            entries_closed=bool(ours) and request.apply,
            cash=cash_in_words(cash),
            cash_unexplained=unexplained(cash),
            not_compared=tuple(sorted(f"{row.symbol or 'unknown'}: {row.of} {row.field}" for row in unreadable)),
        )

    async def _several(self, request: ReconcileRequest, session_date: SessionDate, how: "How") -> list[_Read]:
        """Read once, and again while a difference remains."""
        reads = [await self._compare(request, session_date, how)]
        while len(reads) < _READS and _needs_another_look(reads):
            await self._pace.pause(BETWEEN_READS)
            how.progress()
            reads.append(await self._compare(request, session_date, how))
        return reads

    async def _write_down(
        self, account_id: AccountId, session_date: SessionDate, differences: list[Discrepancy]
    ) -> None:
        owned = await self._owned(account_id, session_date)
        for difference in differences:
            is_known = difference.broker - difference.ledger == owned.get(difference.symbol)
            await self._report(account_id, session_date, difference, EventLevel.INFO if is_known else EventLevel.ERROR)
            if not is_known:
                until = self._pace.now() + _FOREIGN_SYMBOL_REST
                await self._database.risk.cool_down(account_id, difference.symbol, until)

    async def _rest(self, account_id: AccountId, unreadable: AbstractSet[UnreadableRow]) -> None:
        """Put stocks that cannot be compared on cooldown."""
        until = self._pace.now() + _FOREIGN_SYMBOL_REST
        for symbol in {row.symbol for row in unreadable if row.symbol is not None}:
            await self._database.risk.cool_down(account_id, symbol, until)

    async def _settle_carried(
        self, account_id: AccountId, session_date: SessionDate, differences: list[Discrepancy]
    ) -> set[Discrepancy]:
        """Follow the broker where a carried position changed overnight; return the differences that this explains.

        - A corporate action restates the position.
        - A manual sale is searched in the lists of all days since the position was opened, and booked at its proceeds.
        - Otherwise the ledger follows the broker if it lists fewer of the shares, but not if the holding is missing: an
          empty balance proves nothing (F22).
        - More shares than ours are reported and belong to the owner (F33).
        """
        explained: set[Discrepancy] = set()
        carried = {each.symbol: each for each in await self._carried(account_id, session_date)}
        for difference in differences:
            position = carried.get(difference.symbol)
            if position is None or difference.kind not in _ABOUT_SHARES or difference.ledger != position.quantity:
                continue
            if difference.broker == position.quantity + await self._restating.owners(position):
                continue
            is_restated = await self._is_restated(position, difference.broker)
            if is_restated:
                explained.add(difference)
                continue
            event = carried_position_changed(position, session_date, difference, self._pace.now())
            try:
                left = await self._foreign_sales.left_of(position, Lane.RESOLVE)
            except TradingError as fault:
                logger.warning("hand_sales_not_asked", extra={"symbol": position.symbol, "cause": str(fault)})
                await self._database.events.append(event)
                continue
            if left.brought and await self._foreign_sales.booked(position, left) is not position:
                continue
            if difference.kind is DiscrepancyKind.MISSING_HOLDING and difference.broker and is_restated is not None:
                await self._database.positions.take_away(position, difference.broker, event)
            else:
                await self._database.events.append(event)
        return explained

    async def _is_restated(self, position: OpenPosition, shown: Quantity) -> bool | None:
        """Return whether a corporate action explains the shares; None if the day's base price is not known."""
        try:
            return bool(shown) and await self._restating.restated(position, shown, Lane.RESOLVE) is not None
        except TradingError as fault:
            logger.warning("base_price_not_known", extra={"symbol": position.symbol, "cause": str(fault)})
            return None

    async def _carried(self, account_id: AccountId, session_date: SessionDate) -> list[OpenPosition]:
        """Return the positions of earlier sessions in stocks without any order in today's list."""
        held = await self._database.positions.held_in(account_id)
        carried = [position for position in held if position.session_date < session_date]
        if not carried:
            return []
        listed = await self._broker.orders_on(session_date, Lane.RESOLVE)
        traded = {row.symbol for row in listed} | {row.symbol for row in listed.unreadable}
        if None in traded:
            return []
        return [position for position in carried if position.symbol not in traded]

    async def _compare(self, request: ReconcileRequest, session_date: SessionDate, how: How) -> _Read:
        account_id = request.account_id
        moving = await self._moving(account_id, how) if request.apply else set()
        listed = await self._broker.orders_on(session_date, how.lane)
        booked = 0
        if request.apply:
            await self._database.listed_orders.note(account_id, listed)
            booked = await self._late_fills.book(account_id, session_date, listed, self._pace.now())
            await self._late_fills.settle_costs(account_id, session_date)
            booked += await self._book_earlier(account_id, session_date, how)
            await self._foreign_api_orders.look(account_id, session_date, listed)
        ledger = await self._cash.ledger(account_id, session_date)
        balance = await self._broker.balance(how.lane)
        found = [
            each
            for each in await self._differences(account_id, session_date, listed, balance)
            if not _is_in_doubt(each, listed, balance)
        ]
        if request.apply:
            moving |= await self._moving(account_id, how)
        cash = await self._cash.seen(CashRead(account_id, session_date, ledger, listed, balance.cash))
        differences = frozenset(each for each in found if each.symbol not in moving)
        return _Read(booked, differences, frozenset(moving), frozenset((*listed.unreadable, *balance.unreadable)), cash)

    async def _book_earlier(self, account_id: AccountId, session_date: SessionDate, how: How) -> int:
        """Book unconfirmed fills of earlier days; skip a day whose list is refused or unreadable."""
        booked = 0
        for day in await self._database.audit.unproven_before(account_id, session_date):
            try:
                listed = await self._broker.orders_on(day, how.lane)
            except (BrokerRefusedError, BrokerProtocolError) as fault:
                logger.warning("earlier_day_not_listed", extra={"day": day.isoformat(), "cause": str(fault)})
                continue
            booked += await self._late_fills.book(account_id, day, listed, self._pace.now())
            await self._late_fills.settle_costs(account_id, day)
        return booked

    async def _moving(self, account_id: AccountId, how: How) -> set[Symbol]:
        """Return the symbols whose shares may change during the read."""
        active = {order.intent.symbol for order in await self._database.orders.active_in(account_id)}
        if how.settles_in:
            active |= await self._database.comparisons.filled_within(account_id, how.settles_in)
        return active

    async def _differences(
        self, account_id: AccountId, session_date: SessionDate, listed: Rows[BrokerOrder], balance: "Balance"
    ) -> tuple[Discrepancy, ...]:
        positions = await self._database.positions.held_in(account_id)
        working = [o for o in await self._database.orders.active_in(account_id) if o.status in WORKING_STATUSES]
        bound = await self._database.orders.bound_refs(account_id, session_date)
        ours = {order.ref for order in working}
        relevant = [row for row in listed if row.ref in ours or row.ref not in bound]
        holdings = balance.quantities()
        return discrepancies(positions, working, relevant, holdings)

    async def _report(
        self, account_id: AccountId, session_date: SessionDate, difference: Discrepancy, level: EventLevel
    ) -> None:
        """Report a difference; the caller lowers the level for the owner's own shares."""
        event = discrepancy_found(account_id, session_date, difference, level, self._pace.now())
        await self._database.events.append(event)

    async def _owned(self, account_id: AccountId, session_date: SessionDate) -> Mapping[Symbol, Quantity]:
        """Return the owner's own shares from the session's first look, or else from the previous session."""
        looked = await self._database.first_looks.of(account_id, session_date)
        if looked is not None:
            return looked
        left = await self._database.snapshots.left_before(account_id, session_date)
        return {each.symbol: each.owners_quantity for each in left}


def _is_in_doubt(difference: Discrepancy, listed: Rows[BrokerOrder], balance: "Balance") -> bool:
    """Return whether an unreadable row may explain the difference; such a stock is not compared."""
    symbol = difference.symbol
    if listed.doubts(symbol) or balance.doubts(symbol):
        return True
    is_missing = difference.kind is DiscrepancyKind.MISSING_ORDER
    return is_missing and any(row.ref in {None, difference.ref} and row.symbol is None for row in listed.unreadable)


def _agrees(reads: list[_Read], symbol: Symbol) -> bool:
    """Return whether every read compared the stock and found none of our differences."""
    return not any(
        symbol in read.moving
        or any(row.may_be_of(symbol) for row in read.unreadable)
        or any(each.symbol == symbol and each.kind in OUR_OWN for each in read.differences)
        for read in reads
    )


def _needs_another_look(reads: list[_Read]) -> bool:
    """Return whether a difference may exist in a single read only."""
    return bool(frozenset.intersection(*(read.differences for read in reads))) or not is_settled(reads[-1].cash)
