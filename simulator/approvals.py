"""WebSocket approval keys: one per app key, valid for 24 hours, checked at each registration."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_OID, uuid5

LIFE: Final = timedelta(hours=24)


class ApprovalTooSoonError(Exception):
    """The app key asked again within the interval."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval key (36 characters); ``issued_at`` is real time."""

    text: str
    app_key: str
    issued_at: datetime


@dataclass(slots=True)
class ApprovalDesk:
    """Issues approval keys. ``interval`` is real seconds between two issues for one app key (0 = no limit)."""

    interval: float
    _by_text: dict[str, Approval] = field(default_factory=dict)
    _latest: dict[str, Approval] = field(default_factory=dict)
    _asked_at: dict[str, datetime] = field(default_factory=dict)

    def issue(self, app_key: str, now: datetime) -> Approval:
        """Return the app key's valid approval key or a new one; raise ApprovalTooSoonError within the interval."""
        asked = self._asked_at.get(app_key)
        if asked is not None and (now - asked).total_seconds() < self.interval:
            raise ApprovalTooSoonError(app_key)
        self._asked_at[app_key] = now
        latest = self._latest.get(app_key)
        if latest is not None and now < latest.issued_at + LIFE:
            return latest
        fresh = Approval(str(uuid5(NAMESPACE_OID, f"{app_key}{now.isoformat()}")), app_key, now)
        self._by_text[fresh.text] = self._latest[app_key] = fresh
        return fresh

    def app_key_of(self, text: str, now: datetime) -> str | None:
        """Return the app key of a valid approval key, or None."""
        found = self._by_text.get(text)
        return found.app_key if found and now < found.issued_at + LIFE else None
