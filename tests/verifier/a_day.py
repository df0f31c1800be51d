"""A clean day in three books: one position bought and sold, everything consistent, ready for one planted fault."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from database.audit import Acquisition, AuditedOrder, BookedFill, BookedPosition, RecordedEvent
from domain.clock import MarketClock
from domain.costs import cost_rates, day_costs
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.identity import IntentId
from domain.market import Market, Side
from domain.money import Price, Quantity, Won
from domain.order import BrokerOrderRef
from domain.position import PositionStatus
from domain.summary import FLEET, summarise
from tests.support.audit_rows import KEY, LOG, SEEN
from tests.support.builders import (
    ACCOUNT,
    MONDAY,
    NOW,
    POSITION,
    SAMSUNG,
    WORKER,
    a_closed_trade,
    a_plan,
    an_intent,
    an_order,
)
from verifier.books import Audit, Books, BrokerBook, BrokerFill, BrokerRow, Histories, Ledger, Submit, Watch

CLOCK = MarketClock(NOW, NOW, 1)
"""Market time is real time, so that an instant means the same in every book."""
OPENING_CASH = Won(100_000_000)
BUY, SALE = IntentId("run-1/1"), IntentId("run-1/2")


def after(seconds: float) -> Any:
    """Return the instant so many seconds after the purchase."""
    return NOW + timedelta(seconds=seconds)


def a_row(number: int = 1, side: Side = Side.BUY, at: float = 0, **changes: Any) -> BrokerRow:
    """Return ten shares at the broker, filled a second after they were ordered."""
    price = Price(70_000 if side is Side.BUY else 71_000)
    quantity = changes.pop("quantity", Quantity(10))
    amount = Won(price * quantity)
    row = BrokerRow(
        day=MONDAY,
        number=f"{number:010}",
        symbol=SAMSUNG,
        side=side,
        quantity=quantity,
        placed_at=after(at),
        filled=quantity,
        amount=amount,
        costs=day_costs(side, amount, Market.KOSPI, cost_rates(MONDAY)),
        fills=(BrokerFill(after(at + 1), price, quantity),),
    )
    return replace(row, **changes)


def an_audited_order(number: int, side: Side, at: float, **changes: Any) -> AuditedOrder:
    """Return the ledger's record of a filled order."""
    intent = an_intent(side, intent_id=BUY if side is Side.BUY else SALE)
    record = an_order(
        intent, price=70_000 if side is Side.BUY else 71_000, ref=BrokerOrderRef(MONDAY, "06010", f"{number:010}")
    )
    intent_changes = {name: changes.pop(name) for name in list(changes) if hasattr(intent, name)}
    record_changes = {name: changes.pop(name) for name in list(changes) if hasattr(record, name)}
    record = replace(record, intent=replace(intent, **intent_changes), **record_changes)
    return replace(AuditedOrder(record, after(at - 1), after(at + 2), after(at)), **changes)


def a_position(**changes: Any) -> BookedPosition:
    """Return the position after all of it is sold."""
    position = BookedPosition(
        position_id=POSITION,
        worker_id=WORKER,
        session_date=MONDAY,
        symbol=SAMSUNG,
        market=Market.KOSPI,
        status=PositionStatus.CLOSED,
        bought=Quantity(10),
        cost=Won(700_000),
        sold=Quantity(10),
        proceeds=Won(710_000),
        changed_at=after(63),
    )
    return replace(position, **changes)


def an_event(kind: str, at: float = 0, **changes: Any) -> RecordedEvent:
    """Return a recorded event."""
    event = Event(ACCOUNT, kind_of(kind), EventLevel.CRITICAL, after(at), session_date=MONDAY, symbol=SAMSUNG)
    return RecordedEvent(replace(event, **changes), after(at))


def a_clean_day(**changes: Any) -> Books:
    """Return books without a fault, read after the session."""
    bought, sold = a_row(1, Side.BUY, 0), a_row(2, Side.SELL, 60)
    trade = a_closed_trade(
        entry_costs=bought.costs, exit_costs=sold.costs, opened_at=after(1), closed_at=after(62), position_id=POSITION
    )
    books = Books(
        plan=a_plan(),
        clock=CLOCK,
        read_at=a_plan().session.ends_at + timedelta(minutes=1),
        broker=BrokerBook((bought, sold), {}, OPENING_CASH, Won(OPENING_CASH + bought.flow + sold.flow)),
        ledger=Ledger(
            orders=(an_audited_order(1, Side.BUY, 0), an_audited_order(2, Side.SELL, 60)),
            fills=(
                BookedFill(BUY, Quantity(10), Won(700_000), after(1.5)),
                BookedFill(SALE, Quantity(10), Won(710_000), after(61.5)),
            ),
            positions=(a_position(),),
            trades=(trade,),
            summaries=tuple(summarise(MONDAY, scope, [trade]) for scope in (FLEET, WORKER)),
            acquisitions=(Acquisition(SAMSUNG, WORKER, 1, after(-5)),),
            entries_closed_at=after(3600),
        ),
        histories=Histories(
            submits=(Submit(BUY, "trading-worker/1", after(0)), Submit(SALE, "trading-worker/1", after(60))),
            watches=(Watch(POSITION, SAMSUNG, after(2), after(58.9), signalled=True),),
            runs=1,
        ),
        audit=Audit(LOG, KEY, SEEN),
    )
    return replace(books, **changes)


def with_ledger(books: Books, **changes: Any) -> Books:
    """Return books with a changed ledger."""
    return replace(books, ledger=replace(books.ledger, **changes))


def with_broker(books: Books, **changes: Any) -> Books:
    """Return books with a changed broker's side."""
    return replace(books, broker=replace(books.broker, **changes))


def with_order(books: Books, place: int, **changes: Any) -> Books:
    """Return books in which one order of the ledger, selected by index, is changed."""
    orders = list(books.ledger.orders)
    side, at = (Side.BUY, 0) if place == 0 else (Side.SELL, 60)
    orders[place] = an_audited_order(place + 1, side, at, **changes)
    return with_ledger(books, orders=tuple(orders))


def still_held() -> Books:
    """Return a clean day whose position has been bought and not sold."""
    books = a_clean_day()
    bought = books.broker.orders[0]
    held = a_position(status=PositionStatus.OPEN, sold=Quantity(0), proceeds=Won(0), changed_at=after(3))
    books = with_ledger(
        books,
        orders=books.ledger.orders[:1],
        fills=books.ledger.fills[:1],
        positions=(held,),
        trades=(),
        summaries=(),
    )
    books = with_broker(books, orders=(bought,), holdings={SAMSUNG: Quantity(10)}, cash=Won(OPENING_CASH + bought.flow))
    return replace(
        books,
        read_at=after(60),
        histories=replace(
            books.histories, submits=books.histories.submits[:1], watches=(Watch(POSITION, SAMSUNG, after(2)),)
        ),
    )
