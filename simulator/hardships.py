"""Named hardships: what ``--harsh`` switches on, as standing fault rules that need no count."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

Rule = Mapping[str, Any]

ORDER: Final = "trading/order"
_LISTS: Final = ("inquire-daily-ccld", "inquire-psbl-rvsecncl", "inquire-balance")
_PRICES: Final = ("inquire-price", "intstock-multprice")
_BOOK: Final = "inquire-asking-price"
_NIGHT: Final = {"since": "06:55:00", "until": "07:05:00"}
"""The stream is down in these minutes (KST) of every day."""
_STUCK: Final = {"since": "10:07:00", "until": "10:11:00"}
"""Quotes stand still in these minutes of every day."""


class Hardship(StrEnum):
    """What a real broker and a real market do, and a kind simulator does not."""

    LAGGING_LISTS = "lagging-lists"
    TWO_ACCEPTANCES = "two-acceptances"
    LATE_REJECTIONS = "late-rejections"
    BEATEN_CANCELS = "beaten-cancels"
    VARIED_BRANCHES = "varied-branches"
    FOREIGN_ROWS = "foreign-rows"
    MARGIN_ACCOUNT = "margin-account"
    MARKET_IMPACT = "market-impact"
    QUEUE = "queue"
    PRICES_APART = "prices-apart"
    STUCK_QUOTES = "stuck-quotes"
    EARLY_REFUSALS = "early-refusals"
    CLOCK_OFF = "clock-off"
    DEAD_TOKEN = "dead-token"  # noqa: S105
    LATENCY = "latency"
    HALF_OPEN = "half-open"
    LATE_STREAM = "late-stream"
    NIGHTLY_RESET = "nightly-reset"


def rules_of(hardship: Hardship, size: float = 0.75) -> list[dict[str, Any]]:
    """Return the fault rules of a hardship. ``size`` from 0 to 1 is how hard it hits."""
    return [{"count": 0, **rule} for rule in _table(size)[hardship]]


def standing(hardships: Iterable[Hardship]) -> list[dict[str, Any]]:
    """Return the rules of several hardships at their usual size."""
    return [rule for hardship in dict.fromkeys(hardships) for rule in rules_of(hardship)]


def _table(size: float) -> Mapping[Hardship, list[Rule]]:
    quotes = [{"kind": "lag_quotes", "path": path, "most_seconds": 8 * size} for path in _PRICES]
    cancels = {"kind": "cancel_beaten", "path": "order-rvsecncl"}
    return {
        Hardship.LAGGING_LISTS: [
            _lag("lag_orders", _LISTS[0], 12 * size),
            _lag("lag_cancels", _LISTS[0], 16 * size),
            _lag("lag_open_orders", _LISTS[1], 18 * size),
            _lag("lag_balance", _LISTS[2], 15 * size),
        ],
        Hardship.TWO_ACCEPTANCES: [
            {"kind": "late_at_exchange", "path": ORDER, "seconds": 1, "most_seconds": 1 + 14 * size}
        ],
        Hardship.LATE_REJECTIONS: [{"kind": "reject_later", "path": "order-cash", "seconds": 4 * size, "every": 7}],
        Hardship.BEATEN_CANCELS: [
            {**cancels, "seconds": 6 * size, "every": 2},
            {**cancels, "shares": 1 + int(9 * size), "every": 3},
        ],
        Hardship.VARIED_BRANCHES: [{"kind": "varied_branches", "path": "trading/"}],
        Hardship.FOREIGN_ROWS: [{"kind": "foreign_rows", "path": path} for path in _LISTS],
        Hardship.MARGIN_ACCOUNT: [{"kind": "margin_account", "path": "trading/"}],
        Hardship.MARKET_IMPACT: [{"kind": "price_impact", "path": "order-cash"}],
        Hardship.QUEUE: [{"kind": "queue", "path": "order-cash"}],
        Hardship.PRICES_APART: [
            *quotes,
            {"kind": "lag_quotes", "path": _BOOK, "seconds": 2, "most_seconds": 2 + 12 * size},
        ],
        Hardship.STUCK_QUOTES: [{"kind": "stuck_quotes", "path": path, **_STUCK} for path in (*_PRICES, _BOOK)],
        Hardship.EARLY_REFUSALS: [{"kind": "rate_storm", "every": 120 - int(80 * size)}],
        Hardship.CLOCK_OFF: [{"kind": "clock_off", "path": "trading/", "seconds": round(180 * size - 90)}],
        Hardship.DEAD_TOKEN: [{"kind": "dead_token", "count": 1, "skip": 300, "seconds": 120 * size}],
        Hardship.LATENCY: [{"kind": "latency", "seconds": 0.15, "most_seconds": 0.15 + 0.5 * size}],
        Hardship.HALF_OPEN: [
            {"kind": "half_open", "every": 400},
            {"kind": "stream_half_open", "count": 1, "seconds": 60},
        ],
        Hardship.LATE_STREAM: [{"kind": "stream_late", "every": 200, "most_seconds": 6 * size}],
        Hardship.NIGHTLY_RESET: [
            {"kind": kind, "path": "stream", **_NIGHT} for kind in ("stream_cut", "stream_refuse")
        ],
    }


def _lag(kind: str, path: str, most: float) -> Rule:
    return {"kind": kind, "path": path, "most_seconds": most}
