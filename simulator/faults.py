"""Injected faults: rules that make REST calls, stream frames, notices and sessions fail."""

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zlib import crc32


class FaultKind(StrEnum):
    """Kinds of faults of REST calls."""

    REFUSE = "refuse"
    HTTP_ERROR = "http_error"
    RATE_STORM = "rate_storm"
    EXPIRE_TOKEN = "expire_token"  # noqa: S105
    DROP_BEFORE = "drop_before"
    DROP_REPLY_AFTER = "drop_reply_after"
    ERROR_AFTER = "error_after"
    GARBAGE = "garbage"
    DELAY_BEFORE = "delay_before"
    DELAY = "delay"
    LAG_ORDERS = "lag_orders"
    EMPTY_BALANCE = "empty_balance"
    EMPTY_ORDERS = "empty_orders"
    LAG_BALANCE = "lag_balance"
    REFUSE_BY_SYMBOL = "refuse_by_symbol"
    LEDGER_BUSY = "ledger_busy"
    REJECT_LATER = "reject_later"
    ODD_ROW = "odd_row"
    EXTRA_ROW = "extra_row"
    NO_ROW = "no_row"
    HIDE_ORDERS = "hide_orders"
    HIDE_FILLS = "hide_fills"
    WRONG_AMOUNT = "wrong_amount"
    OTHER_BRANCH = "other_branch"
    LAG_CANCELS = "lag_cancels"
    LAG_OPEN_ORDERS = "lag_open_orders"
    LATE_AT_EXCHANGE = "late_at_exchange"
    CANCEL_BEATEN = "cancel_beaten"
    VARIED_BRANCHES = "varied_branches"
    FOREIGN_ROWS = "foreign_rows"
    MARGIN_ACCOUNT = "margin_account"
    QUEUE = "queue"
    PRICE_IMPACT = "price_impact"
    LAG_QUOTES = "lag_quotes"
    STUCK_QUOTES = "stuck_quotes"
    LATENCY = "latency"
    HALF_OPEN = "half_open"
    CLOCK_OFF = "clock_off"
    DEAD_TOKEN = "dead_token"  # noqa: S105


class StreamFault(StrEnum):
    """Kinds of faults of the stream: its frames, sessions, new connections and order notices."""

    STREAM_SILENT = "stream_silent"
    STREAM_EXTRA_FIELD = "stream_extra_field"
    STREAM_ABSURD_PRICE = "stream_absurd_price"
    STREAM_REFUSE = "stream_refuse"
    STREAM_CUT = "stream_cut"
    STREAM_STOLEN = "stream_stolen"
    STREAM_NEW_KEYS = "stream_new_keys"
    STREAM_HALF_OPEN = "stream_half_open"
    STREAM_LATE = "stream_late"
    NOTICE_LOST = "notice_lost"
    NOTICE_TWICE = "notice_twice"
    NOTICE_LATE = "notice_late"
    NOTICE_SWAPPED = "notice_swapped"


_TIME_LENGTH: Final = len("06:55:00")
AnyFault = FaultKind | StreamFault

FRAME_FAULTS: Final = frozenset(
    {StreamFault.STREAM_SILENT, StreamFault.STREAM_EXTRA_FIELD, StreamFault.STREAM_ABSURD_PRICE}
)
"""Faults of outgoing frames."""
SESSION_FAULTS: Final = frozenset(
    {
        StreamFault.STREAM_CUT,
        StreamFault.STREAM_STOLEN,
        StreamFault.STREAM_NEW_KEYS,
        StreamFault.STREAM_HALF_OPEN,
        StreamFault.STREAM_LATE,
    }
)
"""Faults of a session, applied at the next market check."""
NOTICE_FAULTS: Final = frozenset(kind for kind in StreamFault if kind.value.startswith("notice_"))
"""Faults of order notices, applied before they become frames."""
DOOR_FAULTS: Final = frozenset({StreamFault.STREAM_REFUSE})
"""Faults of a new connection."""
CALL_FAULTS: Final = frozenset(FaultKind)
"""Faults of REST calls."""
ROW_FAULTS: Final = frozenset({FaultKind.ODD_ROW, FaultKind.EXTRA_ROW, FaultKind.NO_ROW, FaultKind.FOREIGN_ROWS})
"""Faults of rows in a reply's list: fields change, rows are added, or an entry is added that is not a row."""


class BadFaultError(ValueError):
    """An invalid fault rule."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Facts of a call that a rule can match."""

    path: str
    tr_id: str = ""
    side: str = ""
    symbol: str = ""
    environment: str = ""
    at: str = ""


@dataclass(slots=True)
class FaultRule:
    """One rule. Blank conditions match everything; ``count`` is the number of calls to hit (0 = all).

    ``fields`` replace those of an odd or extra row, None removes one; ``row`` is any value that identifies the row.
    ``number`` is the order whose list row is hit; blank means every order that was not placed manually. ``shares`` is
    how many of the last filled shares a list hides, ``won`` what it adds to the amount. ``since`` and ``until`` (KST
    market time, ``2026-11-23 12:00:00``) bound the period; the end is exclusive, and a time alone (``06:55:00``) means
    every day. ``every`` hits only each n-th matching call. ``most_seconds`` makes the seconds vary from call to call,
    from ``seconds`` up.
    """

    kind: AnyFault
    id: int = 0
    path: str = ""
    tr_id: str = ""
    side: str = ""
    symbol: str = ""
    environment: str = ""
    count: int = 1
    skip: int = 0
    every: int = 1
    seconds: float = 0.0
    most_seconds: float = 0.0
    status: int = 500
    body: str = ""
    rt_cd: str = "1"
    msg_cd: str = "APBK0918"
    message: str = "장운영시간이 아닙니다."
    since: str = ""
    until: str = ""
    row: str = ""
    fields: dict[str, str | None] = field(default_factory=dict)
    number: str = ""
    shares: int = 0
    won: int = 0
    hits: int = field(default=0)
    passed: int = field(default=0)

    @property
    def is_spent(self) -> bool:
        """Return whether the rule has reached its count."""
        return bool(self.count) and self.hits >= self.count

    @property
    def drawn_seconds(self) -> float:
        """Return the seconds of the latest hit: the same for the same rule and number of hits."""
        if self.most_seconds <= self.seconds:
            return self.seconds
        chance = crc32(f"{self.id}|{self.hits}".encode()) / 0xFFFFFFFF
        return self.seconds + (self.most_seconds - self.seconds) * chance

    def matches(self, call: CallFacts) -> bool:
        """Return whether the rule applies to this call."""
        pairs = (
            (self.tr_id, call.tr_id),
            (self.side, call.side),
            (self.symbol, call.symbol),
            (self.environment, call.environment),
        )
        if self.kind in FRAME_FAULTS and call.tr_id == "PINGPONG" and not self.tr_id:
            return False
        if call.at and not self.is_in_force(call.at):
            return False
        return self.path in call.path and all(wanted in ("", found) for wanted, found in pairs)

    def is_in_force(self, at: str) -> bool:
        """Return whether a market time lies within the rule's period."""
        return all(
            at[-len(bound) :] >= bound if is_start else at[-len(bound) :] < bound
            for bound, is_start in ((self.since, True), (self.until, False))
            if bound
        )

    def to_json(self) -> dict[str, Any]:
        """Return the rule as the control API shows it."""
        return asdict(self)


class Faults:
    """The active rules."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []
        self._last_id = 0

    def add(self, values: Mapping[str, Any]) -> FaultRule:
        """Add a rule from its JSON form."""
        try:
            rule = FaultRule(**{**values, "kind": _kind(values.get("kind", "")), "hits": 0, "passed": 0})
            for bound in filter(None, (rule.since, rule.until)):
                datetime.strptime(bound, "%H:%M:%S" if len(bound) == _TIME_LENGTH else "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
        except (TypeError, ValueError) as error:
            raise BadFaultError(f"not a fault rule: {error}") from error
        self._last_id += 1
        rule.id = self._last_id
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove all rules."""
        self.rules.clear()

    def due(self, call: CallFacts, among: Container[AnyFault] = CALL_FAULTS) -> list[FaultRule]:
        """Return the rules that hit this call and count each hit. ``skip`` lets the first matching calls pass."""
        due = []
        for rule in self.rules:
            if rule.kind not in among or rule.is_spent or not rule.matches(call):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.passed += 1
            if rule.passed % max(rule.every, 1):
                continue
            rule.hits += 1
            due.append(rule)
        return due

    def standing(self, kind: AnyFault, at: str) -> FaultRule | None:
        """Return the first rule of a kind that is in force at a market time, without counting a hit."""
        return next((rule for rule in self.rules if rule.kind is kind and rule.is_in_force(at)), None)

    def restore(self, states: list[list[int]]) -> None:
        """Restore skip and hits of rules by id from the journal."""
        by_id = {rule.id: rule for rule in self.rules}
        for rule_id, skip, hits in states:
            by_id[rule_id].skip, by_id[rule_id].hits = skip, hits

    def states(self) -> list[list[int]]:
        """Return id, skip and hits of every rule."""
        return [[rule.id, rule.skip, rule.hits] for rule in self.rules]


def _kind(text: str) -> AnyFault:
    return StreamFault(text) if text in set(StreamFault) else FaultKind(text)
