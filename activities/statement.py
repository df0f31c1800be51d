"""The broker's own profit and loss of a session, compared with ours line by line and stored (F54)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.support.bounded import NotDone, in_time
from activities.support.heart import WHOLE_LIST, Heart
from domain.errors import TradingError
from domain.event_kind import EventKind
from domain.events.books import statement_differs
from domain.events.closes import AbandonedStep, step_abandoned
from domain.identity import AccountId
from domain.lane import Lane
from domain.money import Rate, Won
from domain.order import BrokerOrder
from domain.reconciliation import foreign_orders
from domain.session import SessionDate, session_date_of
from domain.statement import WHOLE_ACCOUNT, BookedDay, Held, Line, Stated, StatedStock, line_in_words
from domain.statement_check import compared
from domain.unreadable import AccountList, Rows, UnreadableRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from broker.statement import DayProfit
    from database.database import Database

_LOOKS: Final = 3
_BETWEEN_LOOKS: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """Account and KST date of the statement to compare."""

    account_id: AccountId
    session_date: SessionDate


@dataclass(frozen=True, slots=True)
class StatementCompared:
    """Result of the comparison. ``untold`` says why there was no statement to compare; empty if there was one.

    ``lines`` were compared and ``differing`` of them differ; ``unexplained`` describes those without an explanation.
    """

    lines: int = 0
    differing: int = 0
    unexplained: tuple[str, ...] = ()
    untold: str = ""


@dataclass(frozen=True, slots=True)
class _NoStatement:
    """Why there is no statement to compare."""

    why: str


_NOT_OFFERED: Final = _NoStatement("this service reports no profit and loss")


class StatementActivities:
    """Queries the broker's statement; corrects nothing, and a missing statement delays nothing."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._commission = commission

    @activity.defn
    async def compare_statement(self, request: StatementRequest) -> StatementCompared:
        """Compare and store every line; report unexplained ones once. Repeating it replaces the stored lines.

        A statement that lags behind the order list is queried again before it counts.
        """
        async with Heart(silence=WHOLE_LIST) as heart:
            done = await in_time(self._pace, lambda: self._compared(request, heart))
            if not isinstance(done, NotDone):
                return done
            undone = AbandonedStep(
                request.account_id, request.session_date, EventKind.STATEMENT_NOT_COMPARED, done.cause
            )
            await self._database.events.append(step_abandoned(undone, self._pace.now()))
            return StatementCompared(untold=f"the comparison did not finish: {done.cause}")

    async def _compared(self, request: StatementRequest, heart: Heart) -> StatementCompared:
        look = await self._look(request)
        for _ in range(_LOOKS - 1):
            if not _needs_another_look(look):
                break
            await self._pace.pause(_BETWEEN_LOOKS)
            heart.progress()
            look = await self._look(request)
        return await self._write_down(request, look)

    async def _look(self, request: StatementRequest) -> tuple[Line, ...] | _NoStatement:
        try:
            asked = await self._stated(request.session_date)
            if asked is None:
                return _NOT_OFFERED
            (stated, odd), listed = asked, await self._broker.orders_on(request.session_date, Lane.RESOLVE)
            lines = compared(await self._booked(request, listed), stated)
        except TradingError as fault:
            return _NoStatement(f"the broker has not answered: {fault}")
        return _comparable(lines, (*odd, *listed.unreadable))

    async def _stated(self, date: SessionDate) -> tuple[Stated, tuple[UnreadableRow, ...]] | None:
        """Return the statement with its unreadable rows; None if the service has no statement."""
        days = await self._broker.profits_by_day(date, date, Lane.RESOLVE)
        stocks = await self._broker.profits_by_stock(date, date, Lane.RESOLVE)
        if days is None or stocks is None:
            return None
        day = next((_figures(day) for day in days if day.date == date), None)
        stated = Stated(
            stocks={
                each.symbol: replace(
                    _figures(each.day),
                    bought_quantity=each.bought_quantity,
                    sold_quantity=each.sold_quantity,
                )
                for each in stocks
                if each.day.date == date
            },
            day=day or StatedStock(),
            today=await self._today(date) if day is not None else None,
        )
        return stated, (*days.unreadable, *stocks.unreadable)

    async def _today(self, date: SessionDate) -> Won | None:
        """Return the profit (won) by the broker's statement of today; None for another date.

        It carries no date, and until a day's first trade may show the previous session: query it only on days with
        trades.
        """
        if date != session_date_of(self._pace.now()):
            return None
        today = await self._broker.profit_today(Lane.RESOLVE)
        return None if today is None else today.realised

    async def _booked(self, request: StatementRequest, listed: Rows[BrokerOrder]) -> BookedDay:
        account_id, date = request.account_id, request.session_date
        database = self._database
        positions = await database.audit.positions_around(account_id, date)
        bound = await database.orders.bound_refs(account_id, date)
        return BookedDay(
            date=date,
            orders=await database.orders.on(account_id, date),
            trades=await database.trades.on(account_id, date),
            positions=[
                Held(each.position_id, each.symbol, each.market, each.session_date, each.bought, each.cost)
                for each in positions
            ],
            foreign=foreign_orders(listed, bound),
            owned_before=await database.first_looks.of(account_id, date) or {},
            commission=self._commission,
        )

    async def _write_down(self, request: StatementRequest, look: tuple[Line, ...] | _NoStatement) -> StatementCompared:
        account_id, date, now = request.account_id, request.session_date, self._pace.now()
        if isinstance(look, _NoStatement):
            await self._database.statements.keep_missing(account_id, date, look.why, now)
            return StatementCompared(untold=look.why)
        await self._database.statements.keep(account_id, date, look, now)
        words = tuple(line_in_words(line) for line in look if line.unexplained)
        if words:
            await self._database.events.append(statement_differs(account_id, date, words, now))
        return StatementCompared(len(look), sum(line.difference != 0 for line in look), words)


def _comparable(lines: tuple[Line, ...], odd: tuple[UnreadableRow, ...]) -> tuple[Line, ...] | _NoStatement:
    """Return the lines without unreadable rows, or why there are none; sums need every row to be readable."""
    if any(row.symbol is None and row.of is not AccountList.DAY_PROFITS for row in odd):
        return _NoStatement("a row of the broker's statement or order list cannot be read")
    in_doubt = {row.symbol for row in odd} | ({WHOLE_ACCOUNT} if odd else set())
    return tuple(line for line in lines if line.symbol not in in_doubt)


def _needs_another_look(look: tuple[Line, ...] | _NoStatement) -> bool:
    return look is not _NOT_OFFERED if isinstance(look, _NoStatement) else any(line.unexplained for line in look)


def _figures(day: "DayProfit") -> StatedStock:
    return StatedStock(
        bought=day.bought,
        sold=day.sold,
        commission=day.commission,
        tax=day.tax,
        realised=day.realised,
        interest=day.interest,
    )
