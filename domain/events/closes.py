"""Events about a market close. ``at`` is market time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.market import Symbol
from domain.money import NO_SHARES, Quantity
from domain.session import SessionDate, session_date_of

_DIGEST_OF: Final = ("sessions", "trades", "net")


@dataclass(frozen=True, slots=True)
class AbandonedStep:
    """A step of a session's close that was given up: the kind of its event, and its cause."""

    account_id: AccountId
    session_date: SessionDate
    kind: EventKind
    cause: str


def step_abandoned(step: AbandonedStep, at: datetime) -> Event:
    """Return the event of an abandoned step: no proof, statement or summary; once per session."""
    return Event(
        step.account_id,
        step.kind,
        EventLevel.CRITICAL,
        at,
        step.session_date,
        detail={"cause": step.cause},
        key=f"{step.kind}/{step.account_id}/{step.session_date}",
    )


def digest_written(account_id: AccountId, period: str, values: Mapping[str, Any], at: datetime) -> Event:
    """Return the event of a week's or month's result; once for its figures. What is None is left out."""
    plain = {name: f"{value}" if isinstance(value, float) else value for name, value in values.items()}
    detail: dict[str, str | int] = {name: value for name, value in plain.items() if value is not None}
    key = "/".join(map(str, (EventKind.DIGEST_WRITTEN, period, *(values[name] for name in _DIGEST_OF))))
    day = session_date_of(at)
    return Event(account_id, EventKind.DIGEST_WRITTEN, EventLevel.INFO, at, day, detail=detail, key=key)


def close_missed(account_id: AccountId, session_date: SessionDate, why: str, at: datetime) -> Event:
    """Return the event of a session without a close, or with a late one; once per session."""
    return _close(account_id, session_date, EventKind.CLOSE_MISSED, why, at)


def close_unfinished(account_id: AccountId, session_date: SessionDate, why: str, at: datetime) -> Event:
    """Return the event of a close that still runs without a market to sell in; once per session."""
    return _close(account_id, session_date, EventKind.CLOSE_UNFINISHED, why, at)


def flatness_in_doubt(account_id: AccountId, session_date: SessionDate, symbol: Symbol, at: datetime) -> Event:
    """Return the event of a stock that cannot be proven flat; once per session."""
    event = Event(account_id, EventKind.FLATNESS_IN_DOUBT, EventLevel.CRITICAL, at, session_date, symbol=symbol)
    return _once(event, NO_SHARES)


def unexplained_shares(
    account_id: AccountId, session_date: SessionDate, symbol: Symbol, quantity: Quantity, at: datetime
) -> Event:
    """Return the event of shares that neither our books nor the owner's orders explain; once per quantity."""
    event = Event(account_id, EventKind.UNEXPLAINED_SHARES, EventLevel.CRITICAL, at, session_date, symbol=symbol)
    return _once(event, quantity)


def owners_shares(
    account_id: AccountId, session_date: SessionDate, symbol: Symbol, quantity: Quantity, at: datetime
) -> Event:
    """Return the event of the account owner's shares after a session; once per quantity."""
    event = Event(account_id, EventKind.OWNERS_SHARES, EventLevel.INFO, at, session_date, symbol=symbol)
    return _once(event, quantity)


def _close(account_id: AccountId, session_date: SessionDate, kind: EventKind, why: str, at: datetime) -> Event:
    key = f"{kind}/{account_id}/{session_date}"
    return Event(account_id, kind, EventLevel.CRITICAL, at, session_date, detail={"why": why}, key=key)


def _once(event: Event, quantity: Quantity) -> Event:
    detail: dict[str, str | int] = {"quantity": quantity} if quantity else {}
    key = f"{event.kind}/{event.account_id}/{event.session_date}/{event.symbol}/{quantity}"
    return replace(event, detail=detail, key=key)
