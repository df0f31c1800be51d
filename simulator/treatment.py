"""How the active faults treat an order: its way to the exchange, its branch, and what the account may spend."""

from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from simulator.faults import FaultKind
from simulator.krx.units import Won
from simulator.orders import Account, Order
from simulator.underway import Way
from simulator.wire import Call

_BRANCHES: Final = {False: "06010", True: "00950"}
_OTHER_BRANCH: Final = "91252"
_LOWEST_BRANCH: Final = 10_000
_BRANCH_RANGE: Final = 90_000
_ALL_SHARES: Final = 10**9
_ON_THE_WAY: Final = frozenset({FaultKind.LATE_AT_EXCHANGE, FaultKind.REJECT_LATER, FaultKind.CANCEL_BEATEN})


def has(call: Call, kind: FaultKind) -> bool:
    """Return whether a fault of a kind hits the call."""
    return any(fault.kind is kind for fault in call.faults)


def way_of(call: Call) -> Way:
    """Return how the call's order reaches the exchange."""
    late = max((fault.drawn_seconds for fault in call.faults if fault.kind in _ON_THE_WAY), default=0.0)
    beaten = [fault.shares or _ALL_SHARES for fault in call.faults if fault.kind is FaultKind.CANCEL_BEATEN]
    return Way(
        late=late * call.simulation.speed,
        rejected=has(call, FaultKind.REJECT_LATER),
        beaten=max(beaten, default=0),
        on_margin=has(call, FaultKind.MARGIN_ACCOUNT),
        queued=has(call, FaultKind.QUEUE),
        moves_price=has(call, FaultKind.PRICE_IMPACT),
    )


def branch_of(call: Call, order: Order) -> str:
    """Return the five-digit branch under which the call shows an order."""
    hits = (fault for fault in call.faults if fault.kind is FaultKind.OTHER_BRANCH)
    if any(fault.number == order.number or (not fault.number and not order.by_hand) for fault in hits):
        return _OTHER_BRANCH
    if has(call, FaultKind.VARIED_BRANCHES):
        original = order.original or order.number
        return str(_LOWEST_BRANCH + crc32(f"{order.day}{original}".encode()) % _BRANCH_RANGE)
    return branch(paper=call.is_paper)


def branch(*, paper: bool) -> str:
    """Return the account's own branch."""
    return _BRANCHES[paper]


def stamped(call: Call, at: datetime) -> datetime:
    """Return a market instant as the broker's own clock shows it."""
    off = sum(fault.seconds for fault in call.faults if fault.kind is FaultKind.CLOCK_OFF)
    return at + timedelta(seconds=off) * call.simulation.speed


def spendable(call: Call, account: Account) -> Won:
    """Return the account's buying power: less what live buys reserve, if they reserve anything."""
    return account.cash if has(call, FaultKind.MARGIN_ACCOUNT) else account.free_cash
