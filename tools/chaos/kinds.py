"""The adversary's faults: kinds, weights, durations and hit counts."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from random import Random
from typing import Final

from simulator.faults import StreamFault
from simulator.hardships import Hardship


class FaultKind(StrEnum):
    """Kinds of faults beside the stream's, grouped by target."""

    KILL_HOST = "kill_host"
    FREEZE_HOST = "freeze_host"
    FREEZE_HOST_PAST_LEASE = "freeze_host_past_lease"
    RESTART_HOST = "restart_host"
    OTHER_ALERT_SETTINGS = "other_alert_settings"
    CLOCK_DRIFT = "clock_drift"
    LINK_LOST = "link_lost"
    LATE_DELIVERY = "late_delivery"
    STRATEGY_RAISES = "strategy_raises"
    STRATEGY_HANGS = "strategy_hangs"
    KILL_TEMPORAL = "kill_temporal"
    RESTART_TEMPORAL = "restart_temporal"
    FREEZE_TEMPORAL = "freeze_temporal"
    KILL_POSTGRES = "kill_postgres"
    RESTART_POSTGRES = "restart_postgres"
    FREEZE_POSTGRES = "freeze_postgres"
    READ_ONLY_POSTGRES = "read_only_postgres"
    KILL_BROKER = "kill_broker"

    DROP_REPLY = "drop_reply"
    ERROR_AFTER = "error_after"
    GARBAGE_AFTER = "garbage_after"
    LATE_REPLY = "late_reply"
    LATE_ORDER = "late_order"
    CUT_BEFORE = "cut_before"
    ERROR_BEFORE = "error_before"
    REFUSE_ORDER = "refuse_order"
    LOSE_CANCEL = "lose_cancel"
    CUT_SOCKETS = "cut_sockets"
    QUERY_ERRORS = "query_errors"
    QUERY_GARBAGE = "query_garbage"
    LAG_LISTS = "lag_lists"
    HIDE_ORDERS = "hide_orders"
    LATE_FILLS = "late_fills"
    ODD_ROWS = "odd_rows"
    EMPTY_BALANCE = "empty_balance"
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 - a fault, not a password
    RATE_STORM = "rate_storm"

    HAND_BUY = "hand_buy"
    HAND_SELL = "hand_sell"
    JUMP = "jump"
    HALT = "halt"
    INTERRUPT = "interrupt"
    NO_BIDS = "no_bids"
    KILL_SWITCH = "kill_switch"


Kind = FaultKind | StreamFault | Hardship
LIKELY: Final[Mapping[Hardship, float]] = {
    Hardship.LAGGING_LISTS: 0.3,
    Hardship.TWO_ACCEPTANCES: 0.3,
    Hardship.LATE_REJECTIONS: 0.2,
    Hardship.BEATEN_CANCELS: 0.4,
    Hardship.VARIED_BRANCHES: 0.5,
    Hardship.FOREIGN_ROWS: 0.5,
    Hardship.MARGIN_ACCOUNT: 0.3,
    Hardship.MARKET_IMPACT: 0.4,
    Hardship.QUEUE: 0.5,
    Hardship.PRICES_APART: 0.3,
    Hardship.STUCK_QUOTES: 0.2,
    Hardship.EARLY_REFUSALS: 0.2,
    Hardship.CLOCK_OFF: 0.1,
    Hardship.LATENCY: 0.3,
    Hardship.HALF_OPEN: 0.2,
    Hardship.LATE_STREAM: 0.2,
}
"""How likely a day has each hardship of the simulator, until the faults end. The others need a night."""

_LASTING: Final = frozenset({StreamFault.STREAM_HALF_OPEN, StreamFault.STREAM_LATE})
"""Kinds that only hardships use."""
KINDS: Final[tuple[Kind, ...]] = (*FaultKind, *(kind for kind in StreamFault if kind not in _LASTING), *LIKELY)

WEIGHTS: Final[Mapping[Kind, int]] = {
    FaultKind.KILL_HOST: 6,
    FaultKind.FREEZE_HOST: 5,
    FaultKind.FREEZE_HOST_PAST_LEASE: 1,
    FaultKind.RESTART_HOST: 2,
    FaultKind.OTHER_ALERT_SETTINGS: 1,
    FaultKind.CLOCK_DRIFT: 2,
    FaultKind.LINK_LOST: 2,
    FaultKind.LATE_DELIVERY: 2,
    FaultKind.STRATEGY_RAISES: 2,
    FaultKind.STRATEGY_HANGS: 1,
    FaultKind.KILL_TEMPORAL: 2,
    FaultKind.RESTART_TEMPORAL: 1,
    FaultKind.FREEZE_TEMPORAL: 1,
    FaultKind.KILL_POSTGRES: 2,
    FaultKind.RESTART_POSTGRES: 1,
    FaultKind.FREEZE_POSTGRES: 1,
    FaultKind.READ_ONLY_POSTGRES: 1,
    FaultKind.KILL_BROKER: 1,
    FaultKind.DROP_REPLY: 7,
    FaultKind.ERROR_AFTER: 4,
    FaultKind.GARBAGE_AFTER: 3,
    FaultKind.LATE_REPLY: 2,
    FaultKind.LATE_ORDER: 2,
    FaultKind.CUT_BEFORE: 3,
    FaultKind.ERROR_BEFORE: 2,
    FaultKind.REFUSE_ORDER: 2,
    FaultKind.LOSE_CANCEL: 4,
    FaultKind.CUT_SOCKETS: 3,
    FaultKind.QUERY_ERRORS: 3,
    FaultKind.QUERY_GARBAGE: 2,
    FaultKind.LAG_LISTS: 4,
    FaultKind.HIDE_ORDERS: 3,
    FaultKind.LATE_FILLS: 3,
    FaultKind.ODD_ROWS: 3,
    FaultKind.EMPTY_BALANCE: 2,
    FaultKind.EXPIRE_TOKEN: 4,
    FaultKind.RATE_STORM: 2,
    FaultKind.HAND_BUY: 2,
    FaultKind.HAND_SELL: 1,
    FaultKind.JUMP: 5,
    FaultKind.HALT: 1,
    FaultKind.INTERRUPT: 2,
    FaultKind.NO_BIDS: 1,
    FaultKind.KILL_SWITCH: 1,
    StreamFault.STREAM_SILENT: 2,
    StreamFault.STREAM_EXTRA_FIELD: 1,
    StreamFault.STREAM_ABSURD_PRICE: 2,
    StreamFault.STREAM_REFUSE: 1,
    StreamFault.STREAM_CUT: 2,
    StreamFault.STREAM_STOLEN: 1,
    StreamFault.STREAM_NEW_KEYS: 1,
    StreamFault.NOTICE_LOST: 2,
    StreamFault.NOTICE_TWICE: 1,
    StreamFault.NOTICE_LATE: 1,
    StreamFault.NOTICE_SWAPPED: 1,
}
"""Relative weight of each kind in the draw."""
SECONDS: Final[Mapping[Kind, Callable[[Random], float]]] = {
    FaultKind.KILL_HOST: lambda chance: chance.uniform(0.0, 3.0),
    FaultKind.FREEZE_HOST: lambda chance: chance.uniform(1.0, 14.0),
    FaultKind.FREEZE_HOST_PAST_LEASE: lambda chance: chance.uniform(31.0, 36.0),
    FaultKind.RESTART_HOST: lambda chance: chance.uniform(0.0, 1.0),
    FaultKind.OTHER_ALERT_SETTINGS: lambda chance: chance.uniform(0.0, 1.0),
    FaultKind.CLOCK_DRIFT: lambda chance: chance.uniform(2.0, 12.0),
    FaultKind.LINK_LOST: lambda chance: chance.uniform(1.0, 10.0),
    FaultKind.LATE_DELIVERY: lambda chance: chance.uniform(1.0, 10.0),
    FaultKind.STRATEGY_RAISES: lambda chance: chance.uniform(2.0, 8.0),
    FaultKind.STRATEGY_HANGS: lambda chance: chance.uniform(1.0, 4.0),
    FaultKind.READ_ONLY_POSTGRES: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.FREEZE_TEMPORAL: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.FREEZE_POSTGRES: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.LATE_REPLY: lambda chance: chance.uniform(2.0, 11.0),
    FaultKind.LATE_ORDER: lambda chance: chance.uniform(2.0, 11.0),
    FaultKind.LAG_LISTS: lambda chance: chance.uniform(1.0, 6.0),
    FaultKind.HALT: lambda chance: chance.uniform(1.0, 5.0),
    FaultKind.INTERRUPT: lambda chance: chance.uniform(0.5, 4.0),
    FaultKind.NO_BIDS: lambda chance: chance.uniform(1.0, 5.0),
    FaultKind.KILL_SWITCH: lambda chance: chance.uniform(2.0, 6.0),
    StreamFault.STREAM_STOLEN: lambda chance: chance.uniform(1.0, 8.0),
    StreamFault.NOTICE_LATE: lambda chance: chance.uniform(0.2, 4.0),
}
"""Real seconds that a fault lasts; kinds not listed last 0."""
COUNTS: Final[Mapping[Kind, tuple[int, int]]] = {
    FaultKind.CUT_SOCKETS: (2, 12),
    FaultKind.QUERY_ERRORS: (2, 12),
    FaultKind.QUERY_GARBAGE: (1, 4),
    FaultKind.LAG_LISTS: (5, 30),
    FaultKind.HIDE_ORDERS: (3, 20),
    FaultKind.LATE_FILLS: (3, 12),
    FaultKind.ODD_ROWS: (5, 40),
    FaultKind.EMPTY_BALANCE: (1, 3),
    FaultKind.RATE_STORM: (3, 15),
    FaultKind.DROP_REPLY: (1, 2),
    FaultKind.LOSE_CANCEL: (1, 3),
    StreamFault.STREAM_SILENT: (50, 2_000),
    StreamFault.STREAM_EXTRA_FIELD: (50, 500),
    StreamFault.STREAM_ABSURD_PRICE: (1, 100),
    StreamFault.STREAM_REFUSE: (1, 3),
    StreamFault.NOTICE_LOST: (1, 6),
    StreamFault.NOTICE_TWICE: (1, 6),
    StreamFault.NOTICE_LATE: (1, 6),
    StreamFault.NOTICE_SWAPPED: (1, 3),
}
"""How many calls, frames or notices a rule hits (minimum, maximum); kinds not listed hit one."""
