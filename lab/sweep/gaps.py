"""Where the kernel of a sweep and a backtest of the same rules differ, trade by trade, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.clock import in_seoul
from domain.market import Symbol
from domain.position import ClosedTrade
from domain.session import Session
from lab.results import DayResult
from lab.sweep.trades import KernelTrade, PlayedVariant


class Cause(StrEnum):
    """Why a trade of the kernel and one of the backtest are not the same."""

    LATER = "later"
    """The decision is the same, and the last fill is seen at another second."""
    SIZE = "size"
    FILL = "fill"
    COSTS = "costs"
    """The same amounts; KIS's rounding of a day's costs falls on another trade."""
    REASON = "reason"
    CARRIED = "carried"
    """One of both could not sell by the close."""
    FOLLOWS = "follows"
    """An earlier difference of the session has the worker, the stock or its limits in another state."""
    UNSOUND = "unsound"
    """The backtest's verifier objects to the session."""
    UNEXPLAINED = "unexplained"


AGREEING = frozenset({Cause.LATER, Cause.SIZE, Cause.FILL, Cause.COSTS})
"""Causes with which stock, second of the purchase and reason of the sale are still the same."""

_HARMLESS = frozenset({Cause.COSTS})
"""Causes that change no later decision but by a limit of the day's result."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One difference. ``won`` is the backtest's net result less the kernel's; a reason is blank without the trade."""

    date: date
    symbol: Symbol
    bought_at: str
    cause: Cause
    kernel: str
    backtest: str
    won: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The trades of one session on both sides."""

    equal: int
    kernel: int
    backtest: int
    kernel_net: int
    backtest_net: int
    gaps: tuple[Gap, ...]

    @property
    def agreed(self) -> int:
        """Return the trades whose decisions are the same."""
        return self.equal + sum(gap.cause in AGREEING for gap in self.gaps)


def compare(session: Session, played: PlayedVariant, day: DayResult) -> Compared:
    """Compare one session."""
    here = {(trade.symbol, trade.opened_at): trade for trade in played.trades}
    there = {(trade.symbol, _second(session, trade.opened_at)): trade for trade in day.trades}
    gaps = tuple(_gaps(session, here, there, (played, day)))
    both = len(here.keys() & there.keys())
    return Compared(
        equal=both - sum(bool(gap.kernel and gap.backtest) for gap in gaps),
        kernel=len(here),
        backtest=len(there),
        kernel_net=sum(trade.net for trade in here.values()),
        backtest_net=sum(trade.net_pnl for trade in there.values()),
        gaps=gaps,
    )


def summed(compared: Sequence[Compared]) -> dict[str, object]:
    """Return the sums of all sessions; ``of`` counts each trade that one of both has."""
    gaps = [gap for each in compared for gap in each.gaps]
    return {
        "agreed": sum(each.agreed for each in compared),
        "of": sum(each.equal + len(each.gaps) for each in compared),
        "equal": sum(each.equal for each in compared),
        "kernel_net": sum(each.kernel_net for each in compared),
        "backtest_net": sum(each.backtest_net for each in compared),
        "causes": dict(Counter(gap.cause.value for gap in gaps).most_common()),
        "differences": [
            {
                "date": f"{gap.date}",
                "symbol": gap.symbol,
                "bought_at": gap.bought_at,
                "cause": gap.cause.value,
                "kernel": gap.kernel,
                "backtest": gap.backtest,
                "won": gap.won,
            }
            for gap in gaps
        ],
    }


_Key = tuple[Symbol, int]


def _gaps(
    session: Session,
    here: Mapping[_Key, KernelTrade],
    there: Mapping[_Key, ClosedTrade],
    about: tuple[PlayedVariant, DayResult],
) -> Iterator[Gap]:
    """Yield the differences in the order of the purchases. The first one of a session excuses what follows from it."""
    played, day = about
    first: int | None = None
    for key in sorted(here.keys() | there.keys(), key=lambda each: (each[1], each[0])):
        ours, theirs = here.get(key), there.get(key)
        cause = _cause(session, ours, theirs)
        if cause is None:
            continue
        if cause is Cause.UNEXPLAINED:
            if not day.is_sound:
                cause = Cause.UNSOUND
            elif key[0] in played.carried or key[0] in day.carried:
                cause = Cause.CARRIED
            elif first is not None and key[1] > first:
                cause = Cause.FOLLOWS
        first = key[1] if first is None and cause not in _HARMLESS else first
        yield Gap(
            date=session.date,
            symbol=key[0],
            bought_at=f"{in_seoul(session.opens_at + timedelta(seconds=key[1])):%H:%M:%S}",
            cause=cause,
            kernel="" if ours is None else ours.sold_because.value,
            backtest="" if theirs is None else theirs.exit_reason.value,
            won=(0 if theirs is None else theirs.net_pnl) - (0 if ours is None else ours.net),
        )


def _cause(session: Session, ours: KernelTrade | None, theirs: ClosedTrade | None) -> Cause | None:
    """Return why two trades differ; None if they are the same."""
    if ours is None or theirs is None:
        return Cause.UNEXPLAINED
    if ours.sold_because is not theirs.exit_reason:
        return Cause.REASON
    if ours.quantity != theirs.quantity:
        return Cause.SIZE
    if (ours.entry_amount, ours.exit_amount) != (theirs.entry_amount, theirs.exit_amount):
        return Cause.FILL
    if ours.closed_at != _second(session, theirs.closed_at):
        return Cause.LATER
    return Cause.COSTS if ours.net != theirs.net_pnl else None


def _second(session: Session, at: datetime) -> int:
    return int((at - session.opens_at).total_seconds())
