"""Events about hosts, their disks and clocks, and what they connect to. ``at`` is market time, ``seconds`` are real."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.audit_log import Anchor
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.market import Symbol
from domain.session import session_date_of


@dataclass(frozen=True, slots=True)
class DeadHost:
    """A process without a heartbeat for a while (real time) that did not leave."""

    host_id: str
    machine: str
    pid: int
    silent_for: timedelta


def host_died(account_id: AccountId, host: DeadHost, level: EventLevel, at: datetime) -> Event:
    """Return the event of a host that stopped without leaving."""
    seconds = round(host.silent_for.total_seconds())
    why = f"{host.machine} sent no heartbeat for {seconds} s; process {host.pid} did not shut down"
    key = f"{EventKind.HOST_DIED}/{account_id}/{host.host_id}/{at:%Y%m%d%H%M%S}"
    detail: dict[str, str | int] = {"why": why, "host": host.host_id, "seconds": seconds}
    return Event(account_id, EventKind.HOST_DIED, level, at, session_date_of(at), detail=detail, key=key)


def time_unwatched(account_id: AccountId, symbol: Symbol, since: datetime, seconds: int, at: datetime) -> Event:
    """Return the event of held shares without a lease since a real instant; once per lapse."""
    return Event(
        account_id,
        EventKind.TIME_UNWATCHED,
        EventLevel.ERROR,
        at,
        session_date_of(at),
        symbol=symbol,
        detail={"why": f"the lease on {symbol} was not renewed for {seconds} s", "seconds": seconds},
        key=f"{EventKind.TIME_UNWATCHED}/{account_id}/{symbol}/{since:%Y%m%d%H%M%S%f}",
    )


def clock_off(account_id: AccountId, cause: str, at: datetime) -> Event:
    """Return the event of a clock that differs from the broker's; once an hour."""
    key = f"{EventKind.CLOCK_OFF}/{account_id}/{at:%Y%m%d%H}"
    detail: dict[str, str | int] = {"cause": cause}
    return Event(account_id, EventKind.CLOCK_OFF, EventLevel.CRITICAL, at, session_date_of(at), detail=detail, key=key)


def disk_low(account_id: AccountId, host: str, level: EventLevel, why: str, at: datetime) -> Event:
    """Return the event of a disk that is nearly full."""
    key = f"{EventKind.DISK_LOW}/{account_id}/{host}/{level}/{at:%Y%m%d%H%M%S%f}"
    return Event(account_id, EventKind.DISK_LOW, level, at, session_date_of(at), detail={"why": why}, key=key)


def disk_has_room(account_id: AccountId, host: str, why: str, at: datetime) -> Event:
    """Return the event of a disk that has room again."""
    kind, level = EventKind.DISK_HAS_ROOM, EventLevel.INFO
    key = f"{kind}/{account_id}/{host}/{level}/{at:%Y%m%d%H%M%S%f}"
    return Event(account_id, kind, level, at, session_date_of(at), detail={"why": why}, key=key)


def database_away(account_id: AccountId, outage: str, at: datetime) -> Event:
    """Return the event of an unreachable database, which is sent and never stored; once per outage and repeat."""
    return Event(
        account_id,
        EventKind.DATABASE_AWAY,
        EventLevel.CRITICAL,
        at,
        session_date_of(at),
        detail={"why": "no orders, including sales, are sent while PostgreSQL is unreachable"},
        key=f"{EventKind.DATABASE_AWAY}/{outage}",
    )


def database_full(account_id: AccountId, outage: str, at: datetime) -> Event:
    """Return the event of a database whose disk is full, which is sent and never stored; once per outage and repeat."""
    why = "nothing is bought, and sales wait until PostgreSQL accepts writes: free some room on its disk"
    key = f"{EventKind.DATABASE_FULL}/{outage}"
    day = session_date_of(at)
    return Event(account_id, EventKind.DATABASE_FULL, EventLevel.CRITICAL, at, day, detail={"why": why}, key=key)


def database_was_away(account_id: AccountId, seconds: int, at: datetime) -> Event:
    """Return the event of a database that answers again."""
    why = f"for about {seconds} s; no orders were sent in that time"
    detail: dict[str, str | int] = {"why": why, "seconds": seconds}
    return Event(account_id, EventKind.DATABASE_WAS_AWAY, EventLevel.ERROR, at, session_date_of(at), detail=detail)


def temporal_away(account_id: AccountId, host: str, seconds: int, at: datetime) -> Event:
    """Return the event of a Temporal server that does not answer."""
    return _outage(account_id, EventKind.TEMPORAL_AWAY, host, seconds, at)


def temporal_was_away(account_id: AccountId, host: str, seconds: int, at: datetime) -> Event:
    """Return the event of a Temporal server that answers again."""
    return _outage(account_id, EventKind.TEMPORAL_WAS_AWAY, host, seconds, at)


def broker_away(account_id: AccountId, host: str, seconds: int, at: datetime) -> Event:
    """Return the event of a broker that does not answer."""
    return _outage(account_id, EventKind.BROKER_AWAY, host, seconds, at)


def broker_was_away(account_id: AccountId, host: str, seconds: int, at: datetime) -> Event:
    """Return the event of a broker that answers again."""
    return _outage(account_id, EventKind.BROKER_WAS_AWAY, host, seconds, at)


def _outage(account_id: AccountId, kind: EventKind, host: str, seconds: int, at: datetime) -> Event:
    """Return an event of one host's view of an outage; each report is one event."""
    consequence = _CONSEQUENCES.get(kind)
    why = consequence or f"for about {seconds} s"
    level = EventLevel.CRITICAL if consequence else EventLevel.ERROR
    key = f"{kind}/{account_id}/{host}/{at:%Y%m%d%H%M%S%f}"
    detail: dict[str, str | int] = {"why": why, "host": host, "seconds": seconds}
    return Event(account_id, kind, level, at, session_date_of(at), detail=detail, key=key)


_CONSEQUENCES = {
    EventKind.TEMPORAL_AWAY: "workflows cannot start a sale while Temporal is unreachable",
    EventKind.BROKER_AWAY: "orders and price requests fail until the broker answers",
}


def stream_away(account_id: AccountId, cause: str, outage: int, at: datetime) -> Event:
    """Return the event of a long absence of the stream; ``outage`` is the same in all processes for half an hour."""
    return Event(
        account_id,
        EventKind.STREAM_AWAY,
        EventLevel.WARNING,
        at,
        session_date_of(at),
        detail={"cause": cause},
        key=f"{EventKind.STREAM_AWAY}/{account_id}/{outage}",
    )


def stream_taken(account_id: AccountId, cause: str, at: datetime) -> Event:
    """Return the event of a stream that another program uses; once a day."""
    date = session_date_of(at)
    key = f"{EventKind.STREAM_TAKEN}/{account_id}/{date}"
    return Event(account_id, EventKind.STREAM_TAKEN, EventLevel.ERROR, at, date, detail={"cause": cause}, key=key)


def access_refused(account_id: AccountId, cause: str, at: datetime) -> Event:
    """Return the event of a key or token that the broker refuses; once per day and text."""
    day = session_date_of(at)
    key = f"{EventKind.ACCESS_REFUSED}/{account_id}/{day}/{cause}"
    return Event(account_id, EventKind.ACCESS_REFUSED, EventLevel.CRITICAL, at, day, detail={"cause": cause}, key=key)


def alert_channel_unknown(account_id: AccountId, channel: str, unsent: int, at: datetime) -> Event:
    """Return the event of a channel that no running host can send to; once a day."""
    day = session_date_of(at)
    why = f"no host has the address of channel {channel}: no alerts are sent to it"
    detail: dict[str, str | int] = {"why": why, "unsent": unsent}
    key = f"{EventKind.ALERT_CHANNEL_UNKNOWN}/{account_id}/{channel}/{day}"
    return Event(account_id, EventKind.ALERT_CHANNEL_UNKNOWN, EventLevel.ERROR, at, day, detail=detail, key=key)


def trade_messages_dropped(account_id: AccountId, channel: str, number: int, at: datetime) -> Event:
    """Return the event of deleted messages about trades that a failing channel did not accept; once an hour."""
    why = f"channel {channel} has failed for too long: {number} messages about trades are deleted unsent"
    key = f"{EventKind.TRADE_MESSAGES_DROPPED}/{account_id}/{channel}/{at:%Y%m%d%H}"
    detail: dict[str, str | int] = {"why": why}
    day = session_date_of(at)
    return Event(account_id, EventKind.TRADE_MESSAGES_DROPPED, EventLevel.WARNING, at, day, detail=detail, key=key)


def audit_log_broken(account_id: AccountId, seen: Anchor, at: datetime) -> Event:
    """Return the event of a row that this machine has observed and that is missing or different; once per row."""
    return Event(
        account_id,
        EventKind.AUDIT_LOG_BROKEN,
        EventLevel.CRITICAL,
        at,
        detail={"row": seen.sequence, "digest": seen.digest},
        key=f"{EventKind.AUDIT_LOG_BROKEN}/{seen.sequence}/{seen.digest[:16]}",
    )


@dataclass(frozen=True, slots=True)
class FailedDuty:
    """A duty of a host whose round raised or hung in an ``hour`` of real time, such as ``2026113009``."""

    duty: str
    host: str
    cause: str
    hour: str


def duty_failed(account_id: AccountId, failed: FailedDuty, level: EventLevel, at: datetime) -> Event:
    """Return the event of a failed round; once an hour for each duty and host."""
    return Event(
        account_id,
        EventKind.DUTY_FAILED,
        level,
        at,
        session_date_of(at),
        detail={"cause": failed.cause, "duty": failed.duty, "host": failed.host},
        key=f"{EventKind.DUTY_FAILED}/{account_id}/{failed.host}/{failed.duty}/{failed.hour}",
    )
