"""Every crossing of the joined steps of a straight trade, in order: the buy, the first order of the sale, its end.

A step with another crossing needs a row here, so that its deaths are played with every answer of the broker.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ENTER: Final = "enter_position"
WATCH: Final = "watch_market"
FINISH: Final = "finish_sale"

_RENEWAL: Final = "update SKIP+update market_watches+update stock_locks"
"""Runs each second of real time beside the watch, so on a slow machine it may fall among the crossings of a sale."""
_RULE_FIRES: Final = "before update stock_locks+insert orders"


@dataclass(frozen=True, slots=True)
class Row:
    """A write or request, and what the books and the broker hold once it is done."""

    step: str
    what: str
    then: str

    @property
    def crossings(self) -> tuple[str, str]:
        """Return the names of its two crossings, at which a process may die."""
        return f"{self.step}: before {self.what}", f"{self.step}: after {self.what}"


ROWS: Final = (
    Row(ENTER, "insert stock_locks", "the stock is locked"),
    Row(ENTER, "GET inquire-psbl-order", "the buying power is known"),
    Row(ENTER, "GET inquire-index-price", "the market is known"),
    Row(ENTER, "insert positions+insert orders", "the intent is recorded"),
    Row(ENTER, "update orders", "the order has its permit"),
    Row(ENTER, "POST order-cash", "the broker has the order"),
    Row(ENTER, "update orders", "the reply is recorded"),
    Row(ENTER, "update stock_locks", "the follower has renewed the lease"),
    Row(ENTER, "GET inquire-daily-ccld", "the fill is listed"),
    Row(ENTER, "update positions+insert fills+update orders", "the fill is booked"),
    Row(ENTER, "update stock_locks", "the watch has renewed the lease"),
    Row(ENTER, "update workers", "the purchase is shown"),
    Row(ENTER, "insert market_watches+insert position_watches", "the position has its watch"),
    Row(WATCH, "update stock_locks+insert orders", "the sale is recorded with its permit, and its lease renewed"),
    Row(WATCH, "POST order-cash", "the broker has the sale"),
    Row(WATCH, "update orders", "the reply is recorded"),
    Row(WATCH, "update workers", "the sale is shown"),
    Row(WATCH, "update stock_locks", "the lease is handed over"),
    Row(WATCH, "update positions+insert price_marks", "the last price is kept"),
    Row(WATCH, "delete position_watches", "the watch of the position is over"),
    Row(FINISH, "update stock_locks", "the follower has renewed the lease"),
    Row(FINISH, "GET inquire-daily-ccld", "the fill is listed"),
    Row(FINISH, "update positions+insert fills+update orders", "the fill is booked"),
    Row(
        FINISH,
        "update stock_locks+insert trades+update sales_by_others+update positions",
        "the trade is booked and the stock is free",
    ),
    Row(FINISH, "insert symbol_cool_downs", "the stock rests"),
    Row(FINISH, "update workers", "the trade is shown"),
)
"""The straight trade. Other answers of the broker end a step earlier, or repeat rows of it."""
NAMES: Final = frozenset(name for row in ROWS for name in row.crossings)


def joined_at(crossings: Sequence[str]) -> Mapping[int, str]:
    """Return the crossings of the joined steps by their number, counted from 1.

    Of the market watch these are the ones from its decision to sell until it has ended the watch.
    """
    of_a_step = [each for each in _numbered(crossings) if each[1].startswith((f"{ENTER}:", f"{FINISH}:"))]
    return dict(sorted([*of_a_step, *_of_the_watch(crossings)]))


def _of_the_watch(crossings: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the crossings of the first sale, from its record to the end of the watch."""
    of_the_watch = [each for each in _numbered(crossings) if each[1].startswith(f"{WATCH}:")]
    watched = [(at, name) for at, name in of_the_watch if not name.endswith(_RENEWAL)]
    names = [name.removeprefix(f"{WATCH}: ") for _, name in watched]
    if _RULE_FIRES not in names:
        return
    first = names.index(_RULE_FIRES)
    last = next(at for at, name in enumerate(names) if at > first and name == "after delete position_watches")
    yield from watched[first : last + 1]


def _numbered(crossings: Sequence[str]) -> Iterator[tuple[int, str]]:
    return enumerate(crossings, 1)
