"""The audit log: operators' commands, chained row by row, so that a changed, missing or added row is found."""

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.session import SessionDate, session_date_of

GENESIS: Final = "0" * 64
"""The digest that the first row is chained to."""


class Outcome(StrEnum):
    """The outcome of a command; unknown if its process ended before the outcome was known."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a command, as the operating system identifies it, and its program."""

    uid: int
    user: str
    host: str
    program: str
    pid: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command as its client knows it: ``words`` without secrets, ``asked_at`` real time by the client's clock."""

    command_id: str
    words: str
    client: Client
    asked_at: datetime
    outcome: Outcome = Outcome.UNKNOWN
    reason: str = ""


def event_of(command: Command, account_id: AccountId, at: datetime) -> Event:
    """Return the event of a command; ``at`` is the market time at which it was given."""
    client = command.client
    detail: dict[str, str | int] = {
        "command": command.words,
        "outcome": command.outcome.value,
        "why": command.reason,
        "uid": client.uid,
        "user": client.user,
        "host": client.host,
        "client": client.program,
        "pid": client.pid,
        "asked_at": command.asked_at.isoformat(),
    }
    return Event(
        account_id,
        EventKind.OPERATOR_COMMAND,
        EventLevel.INFO,
        at,
        session_date=session_date_of(at),
        detail=detail,
        key=f"command/{command.command_id}",
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its event with the database's time of writing, and its place in the chain.

    ``seal`` is an HMAC of the digest under the key that ``key_id`` names; both are empty without a key. ``event`` is
    None if the event itself is missing.
    """

    sequence: int
    event: Event | None
    recorded_at: datetime | None
    digest: str
    key_id: str = ""
    seal: str = ""

    def is_within(self, first: SessionDate, last: SessionDate) -> bool:
        """Return whether the command was given on one of these KST market dates; True if its date is lost."""
        return self.event is None or self.event.session_date is None or first <= self.event.session_date <= last


@dataclass(frozen=True, slots=True)
class Anchor:
    """A row stored outside the database: a log without this row was truncated or rewritten."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class AuditLog:
    """An account's whole log, oldest row first. ``unchained``: keys of command events that are not in the chain."""

    account_id: AccountId
    rows: Sequence[Row] = ()
    unchained: Sequence[str] = ()

    @property
    def head(self) -> Anchor:
        """Return the last row, to be stored elsewhere."""
        return Anchor(self.rows[-1].sequence, self.rows[-1].digest) if self.rows else Anchor(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A defect of a log and its location."""

    what: str
    evidence: str


def digest_of(previous: str, sequence: int, event: Event, recorded_at: datetime) -> str:
    """Return the digest of a row: SHA-256 over the previous digest and the row as canonical JSON."""
    row = {
        "sequence": sequence,
        "account_id": event.account_id,
        "session_date": None if event.session_date is None else event.session_date.isoformat(),
        "worker_id": event.worker_id,
        "symbol": event.symbol,
        "kind": event.kind,
        "level": event.level.value,
        "detail": event.detail,
        "at": _microseconds(event.at),
        "key": event.key,
        "recorded_at": _microseconds(recorded_at),
    }
    return sha256(f"{previous}\n{_canonical(row)}".encode()).hexdigest()


def key_id_of(key: bytes) -> str:
    """Return the id of a key; it does not reveal the key."""
    return _hmac(key, "haru audit key")[:16]


def seal_of(key: bytes, digest: str) -> str:
    """Return the seal of a digest, which only a holder of the key can compute."""
    return _hmac(key, f"haru audit row {digest}")


def flaws(log: AuditLog, key: bytes | None = None, anchor: Anchor | None = None) -> tuple[Flaw, ...]:
    """Return the defects of a log.

    Without ``key`` only the chain is checked, which anyone with write access to the database can recompute. With it,
    the seals are checked too: rows sealed under an earlier key are covered by the first row sealed under this one.
    """
    found = [*_breaks(log), *(Flaw("a command outside the chain", each) for each in log.unchained)]
    if key is not None:
        found += _unsealed(log.rows, key)
    if anchor is not None and anchor.sequence:
        found += _cut(log.rows, anchor)
    return tuple(found)


def _breaks(log: AuditLog) -> Iterator[Flaw]:
    previous, expected = GENESIS, 1
    for row in log.rows:
        if row.sequence != expected:
            yield Flaw("rows are missing", f"between row {expected - 1} and row {row.sequence}")
        if row.event is None or row.recorded_at is None:
            yield Flaw("the event of a row is gone or cannot be read", f"row {row.sequence}")
        elif row.event.account_id != log.account_id or not _follows(row, previous, row.event, row.recorded_at):
            yield Flaw("a row was changed, or does not follow the row before it", f"row {row.sequence}")
        previous, expected = row.digest, row.sequence + 1


def _follows(row: Row, previous: str, event: Event, recorded_at: datetime) -> bool:
    try:
        return row.digest == digest_of(previous, row.sequence, event, recorded_at)
    except (OverflowError, TypeError, ValueError):
        return False  # an instant or a text that Haru never writes


def _unsealed(rows: Sequence[Row], key: bytes) -> Iterator[Flaw]:
    ours, was_ours = key_id_of(key), False
    for row in rows:
        if row.key_id == ours:
            was_ours = True
            if not hmac.compare_digest(row.seal.encode(), seal_of(key, row.digest).encode()):
                yield Flaw("a row that our key has not sealed", f"row {row.sequence}")
        elif was_ours:
            yield Flaw("a row that our key has not sealed", f"row {row.sequence}, after rows that it has")
    if rows and not was_ours:
        yield Flaw(
            "no row is sealed by our key",
            f"all {len(rows)} rows: the key differs, or the log is from another installation",
        )


def _cut(rows: Sequence[Row], anchor: Anchor) -> Iterator[Flaw]:
    kept = next((row for row in rows if row.sequence == anchor.sequence), None)
    if kept is None:
        yield Flaw("the last rows are missing", f"this machine has seen row {anchor.sequence} of {len(rows)}")
    elif kept.digest != anchor.digest:
        yield Flaw("not the row that this machine has seen", f"row {anchor.sequence}")


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _microseconds(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _hmac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), sha256).hexdigest()
