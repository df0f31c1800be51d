"""Sales that ended short: shares that the holdings show as gone are not offered a second time (F42)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.first_look import SharesKnown
from activities.account.foreign_sales import BETWEEN_READS
from activities.account.unlisted import is_listed_in
from activities.support.single_flight import NextFlight
from domain.errors import TradingError
from domain.event import Event
from domain.event_kind import EventKind
from domain.events.orders import sale_listed_short
from domain.identity import AccountId, IntentId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import BrokerOrder, OrderRecord, OrderStatus
from domain.session import session_date_of
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.account.late_fills import LateFills
    from activities.market.order_notices import OrderNotices
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database
    from domain.position import OpenPosition

_BELIEVED_FOR: Final = timedelta(minutes=2)
"""Real time since shares were first kept back. After it they are offered again: neither a list that stays wrong nor
shares that the owner moved without an order may keep a sale back all day."""
_LOOKS: Final = 4
"""Reads of list and holdings, ``BETWEEN_READS`` apart, before shares without proof count as unsold."""
_FIRST_PAUSE: Final = timedelta(seconds=2)
_SHARE_OF_THE_AGE: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Look:
    """Evidence of one read: the unsold shares of the list, and how many of them are gone by notices and by holdings.

    ``missing`` is negative if the account holds more than is explained, and None if the holdings prove nothing.
    """

    unsold: int
    heard: int
    missing: int | None

    @property
    def is_settled(self) -> bool:
        """Return whether the notices report exactly what is gone.

        Holdings that lack fewer shares than the notices report are outdated, or contain shares of a hidden buy.
        """
        return self.heard in (self.unsold, self.missing)


def _concluded(looks: Sequence[_Look]) -> int | None:
    """Return how many unsold shares are gone; None while another read may decide."""
    last, is_final = looks[-1], len(looks) == _LOOKS
    if last.is_settled:
        return last.heard
    lacking = [look.missing for look in looks if look.missing is not None and look.missing > look.heard]
    if len(lacking) > 1 or (lacking and is_final):
        return min(max(min(lacking), last.heard), last.unsold)
    return last.heard if is_final else None


class ShortSales:
    """Checks, before the rest of a sale is offered, whether the broker sold more than its list shows.

    The list may show filled shares as withdrawn. Offering those again would sell the owner's shares.
    """

    def __init__(
        self, broker: "Broker", database: "Database", pace: "Pace", late_fills: "LateFills", notices: "OrderNotices"
    ) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._late_fills = late_fills
        self._notices = notices
        self._known = SharesKnown(broker, database, pace)
        self._balance: NextFlight[Balance] = NextFlight(lambda: broker.balance(Lane.EXIT))

    async def of(self, position: "OpenPosition") -> tuple[OrderRecord, ...]:
        """Return today's sales of a position that were cancelled with shares unsold, in the order of their intents.

        Empty when the shares of the last of them were kept back for ``_BELIEVED_FOR``.
        """
        today = session_date_of(self._pace.now())
        short = tuple(
            order
            for order in await self._database.orders.of_position(position.position_id)
            if (order.intent.side, order.intent.session_date, order.status) == (Side.SELL, today, OrderStatus.CANCELLED)
        )
        return short if short and not _is_released(await self._kept_back_for(short[-1])) else ()

    async def gone(self, position: "OpenPosition", last: OrderRecord) -> Quantity:
        """Return how many unsold shares are probably sold; book the listed fills first; ``last`` is the last sale.

        - Gone: order notices report the shares, or the holdings lack them and no second read contradicts.
        - Unsold: a read of the holdings shows exactly the expected shares.
        - Unknown: the list and the holdings are read again; after ``_LOOKS`` reads only the notices count.
        """
        looks = [await self._look(position)]
        while (gone := _concluded(looks)) is None:
            await self._pace.pause(BETWEEN_READS)
            looks.append(await self._look(position))
        return await self._reported(last, gone)

    async def heard(self, position: "OpenPosition", last: OrderRecord) -> Quantity:
        """Return how many unsold shares the order notices report as sold, without a call to the broker."""
        return await self._reported(last, (await self._as_booked(position)).heard)

    async def pause_after(self, last: OrderRecord) -> timedelta:
        """Return the real time until the next list read; it grows with the time of waiting (F47)."""
        return max(await self._kept_back_for(last) * _SHARE_OF_THE_AGE, _FIRST_PAUSE)

    async def _kept_back_for(self, sale: OrderRecord) -> timedelta:
        """Return the real time since the first report of shares kept back after a sale; zero without one."""
        report = (await self._reports(sale.intent.account_id)).get(sale.intent.intent_id)
        return timedelta(0) if report is None else self._age_of(report)

    async def _released(self, sales: Sequence[OrderRecord]) -> int:
        """Return the missing shares that were kept back long enough: they keep back no later sale of the position."""
        reports = await self._reports(sales[0].intent.account_id) if sales else {}
        found = [reports[sale.intent.intent_id] for sale in sales if sale.intent.intent_id in reports]
        return max((int(each.detail["quantity"]) for each in found if _is_released(self._age_of(each))), default=0)

    async def _reports(self, account_id: AccountId) -> dict[IntentId, Event]:
        now = self._pace.now()
        kinds, since = [EventKind.SALE_LISTED_SHORT], now - timedelta(days=1)
        reports = await self._database.events.since(account_id, session_date_of(now), kinds, since)
        return {IntentId(str(report.detail["intent_id"])): report for report in reports}

    def _age_of(self, report: Event) -> timedelta:
        return self._pace.clock.real_duration(self._pace.now() - report.at)

    async def _look(self, position: "OpenPosition") -> _Look:
        missing = None
        try:
            missing = await self._missing(position)
        except TradingError as fault:
            extra = {"symbol": position.symbol, "cause": str(fault)}
            activity.logger.warning("short_sale_not_checked", extra=extra)
        return replace(await self._as_booked(position), missing=missing)

    async def _missing(self, position: "OpenPosition") -> int | None:
        """Book the listed fills; return how many shares of the stock the account lacks, None if it proves nothing."""
        account_id, symbol = position.account_id, position.symbol
        today = session_date_of(self._pace.now())
        listed = await self._broker.orders_on(today, Lane.EXIT, symbol)
        sales = await self.of(position)
        for sale in sales:
            await self._late_fills.book_order(sale, listed, self._pace.now())
        balance = await self._balance.answer()
        held = balance.quantity_of(symbol)
        # A balance without the stock proves no sale: it may be empty by mistake (F22). A row that cannot be read may be
        # an order of the owner that explains the holdings.
        if held is None or _may_hide(listed, symbol) or not is_listed_in(balance, symbol):
            return None
        missing = await self._known.expected(account_id, today, listed, symbol) - held
        return max(missing - await self._released(sales), 0) if missing > 0 else missing

    async def _as_booked(self, position: "OpenPosition") -> _Look:
        """Return the evidence of the ledger and the notices alone."""
        sales = await self.of(position)
        left = await self._database.positions.get(position.position_id) or position
        unsold = min(sum(sale.intent.quantity - sale.filled_quantity for sale in sales), left.quantity)
        return _Look(unsold, min(sum(self._heard(sale) for sale in sales), unsold), None)

    def _heard(self, sale: OrderRecord) -> int:
        """Return the unsold shares that order notices report as filled."""
        intent = sale.intent
        number = "" if sale.ref is None else sale.ref.number
        shares = self._notices.surely_filled(number, intent.symbol, intent.side, intent.session_date, intent.quantity)
        return max(shares - sale.filled_quantity, 0)

    async def _reported(self, last: OrderRecord, gone: int) -> Quantity:
        if gone:
            await self._database.events.append(sale_listed_short(last, gone, self._pace.now()))
        return Quantity(gone)


def _is_released(kept_back_for: timedelta) -> bool:
    return kept_back_for >= _BELIEVED_FOR


def _may_hide(listed: "Rows[BrokerOrder]", symbol: Symbol) -> bool:
    """Return whether an unreadable row may be an order in the stock."""
    return any(row.may_be_of(symbol) for row in listed.unreadable)
