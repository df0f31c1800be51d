"""Events about what may be bought. ``at`` is market time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.risk import Denied, level_of
from domain.session import SessionDate, session_date_of

MARKET_CLOSE: Final = "market close"
"""The one reason for which entries are closed every day."""


def entries_denied(
    account_id: AccountId, session_date: SessionDate, worker_id: WorkerId, verdict: Denied, at: datetime
) -> Event:
    """Return the event of a worker that does not scan because it may not buy. The caller sets the key."""
    return Event(
        account_id,
        EventKind.ENTRY_DENIED,
        level_of(verdict.denial),
        at,
        session_date,
        worker_id,
        detail={"denial": verdict.denial.value, "detail": verdict.detail},
    )


def entries_shut(account_id: AccountId, session_date: SessionDate, reason: str, at: datetime) -> Event:
    """Return the event of a new cause that closes entries. The market close is no incident."""
    level = EventLevel.INFO if reason == MARKET_CLOSE else EventLevel.ERROR
    return Event(account_id, EventKind.ENTRIES_SHUT, level, at, session_date, detail={"reason": reason})


def entries_reopened(
    account_id: AccountId, session_date: SessionDate, symbol: Symbol, reason: str, at: datetime
) -> Event:
    """Return the event of a difference in a stock that is gone."""
    level, detail = EventLevel.WARNING, {"reason": reason}
    return Event(account_id, EventKind.ENTRIES_REOPENED, level, at, session_date, symbol=symbol, detail={**detail})


def kill_switch_pressed(account_id: AccountId, by: str, reason: str, was_on: bool, at: datetime) -> Event:  # noqa: FBT001 - a value to record
    """Return the event of a press; each press is recorded."""
    detail: dict[str, str | int] = {"by": by, "reason": reason, "was_on": int(was_on)}
    return Event(account_id, EventKind.KILL_SWITCH_PRESSED, EventLevel.CRITICAL, at, detail=detail)


def kill_switch_lifted(account_id: AccountId, by: str, reason: str, was_on: bool, at: datetime) -> Event:  # noqa: FBT001 - a value to record
    """Return the event of a lift; each lift is recorded."""
    detail: dict[str, str | int] = {"by": by, "reason": reason, "was_on": int(was_on)}
    return Event(account_id, EventKind.KILL_SWITCH_LIFTED, EventLevel.WARNING, at, detail=detail)


def rules_above_host_limits(
    account_id: AccountId, session_date: SessionDate, worker_id: WorkerId, rules: Iterable[str], at: datetime
) -> Event:
    """Return the event of a worker's rules that are looser than its host allows; once per session and worker."""
    names = ", ".join(rules)
    return Event(
        account_id,
        EventKind.RULES_ABOVE_HOST_LIMITS,
        EventLevel.WARNING,
        at,
        session_date,
        worker_id,
        detail={"why": f"looser than the host's settings, which apply: {names}"},
        key=f"{EventKind.RULES_ABOVE_HOST_LIMITS}/{worker_id}/{session_date}/{names}",
    )


def limits_above_account(account_id: AccountId, why: str, at: datetime) -> Event:
    """Return the event of limits that exceed what the account holds; once a day."""
    day = session_date_of(at)
    key = f"{EventKind.LIMITS_ABOVE_ACCOUNT}/{account_id}/{day}"
    return Event(account_id, EventKind.LIMITS_ABOVE_ACCOUNT, EventLevel.CRITICAL, at, day, detail={"why": why}, key=key)


@dataclass(frozen=True, slots=True)
class UserCode:
    """A strategy's function, or a filter if ``act`` is empty, and the account that it serves."""

    name: str
    act: str
    account_id: AccountId

    @property
    def title(self) -> str:
        """Return the name in events."""
        return f"{self.name}.{self.act}" if self.act else f"filter {self.name}"


def strategy_failed(code: UserCode, symbol: Symbol | None, cause: str, at: datetime) -> Event:
    """Return the event of user code that raised, timed out or returned an invalid value; once an hour and stock."""
    return Event(
        code.account_id,
        EventKind.STRATEGY_FAILED,
        EventLevel.ERROR,
        at,
        session_date_of(at),
        symbol=symbol,
        detail={"strategy": code.name, "cause": cause},
        key=f"{EventKind.STRATEGY_FAILED}/{code.account_id}/{code.title}/{symbol or ''}/{at:%Y-%m-%d %H}",
    )


@dataclass(frozen=True, slots=True)
class RefusedStrategy:
    """A strategy that a host does not use, and why."""

    name: str
    host_id: str
    why: str


def strategy_refused(account_id: AccountId, refused: RefusedStrategy, at: datetime) -> Event:
    """Return the event of a strategy by which a host does not buy; once a day for each cause."""
    about = f"{account_id}/{refused.host_id}/{refused.name}/{refused.why:.200}"
    return Event(
        account_id,
        EventKind.STRATEGY_FAILED,
        EventLevel.ERROR,
        at,
        session_date_of(at),
        detail={"strategy": refused.name, "cause": refused.why},
        key=f"{EventKind.STRATEGY_FAILED}/{about}/{at:%Y-%m-%d}",
    )


def stock_left_out(account_id: AccountId, symbol: Symbol | None, level: EventLevel, cause: str, at: datetime) -> Event:
    """Return the event of a stock whose data the broker refuses or garbles; None is a whole list. Once an hour."""
    return Event(
        account_id,
        EventKind.STOCK_LEFT_OUT,
        level,
        at,
        session_date_of(at),
        symbol=symbol,
        detail={"cause": cause},
        key=f"{EventKind.STOCK_LEFT_OUT}/{account_id}/{symbol or ''}/{at:%Y-%m-%d %H}",
    )
