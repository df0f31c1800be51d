"""Events about one position. ``at`` is market time."""

from datetime import datetime, timedelta

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Price, Quantity, Won
from domain.position import OpenPosition
from domain.reconciliation import Discrepancy
from domain.session import SessionDate, session_date_of


def position_adopted(
    account_id: AccountId, session_date: SessionDate, worker_id: WorkerId, symbol: Symbol, at: datetime
) -> Event:
    """Return the event of an orphaned position that another worker takes over; each takeover is one event."""
    return Event(
        account_id, EventKind.POSITION_ADOPTED, EventLevel.WARNING, at, session_date, worker_id=worker_id, symbol=symbol
    )


def position_seized(position: OpenPosition, at: datetime) -> Event:
    """Return the event of a position that the market close takes from its worker; once a day."""
    return _about(
        position,
        EventKind.POSITION_SEIZED,
        EventLevel.WARNING,
        at,
        key=f"seized/{position.position_id}/{session_date_of(at)}",
    )


def worker_brought_back(position: OpenPosition, at: datetime) -> Event:
    """Return the event of a workflow that a host restarts for an unguarded position; once a minute."""
    return _about(
        position,
        EventKind.WORKER_BROUGHT_BACK,
        EventLevel.WARNING,
        at,
        key=f"brought_back/{position.position_id}/{at:%Y%m%d%H%M}",
        position_id=position.position_id,
    )


def price_untrusted(position: OpenPosition, blind: timedelta, at: datetime) -> Event:
    """Return the event of a held stock without a trusted price for some real time."""
    seconds = round(blind.total_seconds())
    return _about(
        position,
        EventKind.PRICE_UNTRUSTED,
        EventLevel.CRITICAL,
        at,
        key=f"{EventKind.PRICE_UNTRUSTED}/{position.position_id}/{at:%Y%m%d%H%M%S}",
        why=f"no trusted price for {seconds} s; exit rules that need a price cannot sell",
        seconds=seconds,
    )


def sold_by_hand(position: OpenPosition, left: Quantity, brought: Won, at: datetime) -> Event:
    """Return the event of shares that the account's owner sold; ``left`` are still held, ``brought`` is in won."""
    return _about(
        position,
        EventKind.SOLD_BY_HAND,
        EventLevel.WARNING,
        at,
        key=f"{EventKind.SOLD_BY_HAND}/{position.position_id}/{left}",
        quantity=position.quantity - left,
        left=left,
        brought=brought,
    )


def carried_position_restated(position: OpenPosition, held: Quantity, base: Price, at: datetime) -> Event:
    """Return the event of a corporate action that changed the share count of a carried position; once a day."""
    return _about(
        position,
        EventKind.CARRIED_POSITION_RESTATED,
        EventLevel.WARNING,
        at,
        key=f"{EventKind.CARRIED_POSITION_RESTATED}/{position.position_id}/{session_date_of(at)}",
        ledger=position.quantity,
        broker=held,
        last_price=position.last_price,
        base_price=base,
    )


def carried_position_changed(
    position: OpenPosition, session_date: SessionDate, difference: Discrepancy, at: datetime
) -> Event:
    """Return the event of a carried share count that changed without any order; once per session and count."""
    return Event(
        position.account_id,
        EventKind.CARRIED_POSITION_CHANGED,
        EventLevel.CRITICAL,
        at,
        session_date=session_date,
        worker_id=position.worker_id,
        symbol=position.symbol,
        detail={"position_id": position.position_id, "ledger": difference.ledger, "broker": difference.broker},
        key=f"{EventKind.CARRIED_POSITION_CHANGED}/{position.position_id}/{session_date}/{difference.broker}",
    )


def position_unsold_at_close(position: OpenPosition, session_date: SessionDate, why: str, at: datetime) -> Event:
    """Return the event of shares unsold in the session; once per session and stock."""
    return Event(
        position.account_id,
        EventKind.POSITION_UNSOLD_AT_CLOSE,
        EventLevel.CRITICAL,
        at,
        session_date=session_date,
        symbol=position.symbol,
        detail={"quantity": position.quantity, "why": why},
        key=f"unsold/{position.account_id}/{session_date}/{position.symbol}",
    )


def position_carried_overnight(
    account_id: AccountId, session_date: SessionDate, symbol: Symbol, quantity: Quantity, at: datetime
) -> Event:
    """Return the event of shares carried after a session; one event, whichever process finds them first."""
    return Event(
        account_id,
        EventKind.POSITION_CARRIED_OVERNIGHT,
        EventLevel.CRITICAL,
        at,
        session_date=session_date,
        symbol=symbol,
        detail={"quantity": quantity},
        key=f"carried/{account_id}/{session_date}/{symbol}",
    )


def _about(
    position: OpenPosition, kind: EventKind, level: EventLevel, at: datetime, *, key: str, **detail: str | int
) -> Event:
    return Event(
        position.account_id,
        kind,
        level,
        at,
        session_date=session_date_of(at),
        worker_id=position.worker_id,
        symbol=position.symbol,
        detail=detail,
        key=key,
    )
