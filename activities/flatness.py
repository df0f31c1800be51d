"""Proof after the close whether any of our shares or orders remain, from two equal reads (F22, F33, F42)."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.first_look import SharesKnown
from activities.support.bounded import NotDone, in_time
from activities.support.heart import WHOLE_LIST, Heart
from activities.support.requests import SessionRequest
from domain.event_kind import EventKind
from domain.events.closes import AbandonedStep, flatness_in_doubt, owners_shares, step_abandoned, unexplained_shares
from domain.events.positions import position_carried_overnight
from domain.flatness import HeldShares, Proven, could_still_fill, split
from domain.identity import AccountId
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Quantity
from domain.order import BrokerOrder, OrderRecord
from domain.reconciliation import foreign_orders
from domain.session import SessionDate
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database

_BETWEEN_READS: Final = timedelta(seconds=1)
_MOST_LOOKS: Final = 5
"""Number of reads after which equal reads with unexplained shares count: the order list may lag behind the balance."""


@dataclass(frozen=True, slots=True)
class FlatnessProof:
    """State after the close. ``holdings`` are all shares that the broker shows, in three parts.

    - ``flat`` covers ours only: no live position in the ledger, no order of ours that could fill, nothing unexplained.
    - ``ours`` are the ledger's positions, ``owners`` the account owner's own shares, ``unexplained`` the rest.
    - ``in_doubt`` are stocks that we traded and whose broker rows are unreadable: nothing is proven of them.
    """

    flat: bool
    holdings: dict[Symbol, Quantity]
    open_orders: int
    ours: dict[Symbol, Quantity] = field(default_factory=dict)
    owners: dict[Symbol, Quantity] = field(default_factory=dict)
    unexplained: dict[Symbol, Quantity] = field(default_factory=dict)
    in_doubt: tuple[Symbol, ...] = ()
    not_proven: str = ""
    """Why the broker's holdings could not be read in time; then no field above is known."""


@dataclass(frozen=True, slots=True)
class _Look:
    """Result of one read of the broker and the ledger."""

    shares: tuple[HeldShares, ...]
    held: tuple[tuple[Symbol, Quantity], ...]
    open_orders: int
    in_doubt: tuple[Symbol, ...]

    @property
    def is_explained(self) -> bool:
        return not any(each.unexplained for each in self.shares)

    def carried(self) -> dict[Symbol, Quantity]:
        """Return our remaining shares, by the broker if it shows the stock: the owner may have sold a part."""
        shown = {each.symbol: each.ours for each in self.shares if each.ours}
        return {symbol: shown.get(symbol, quantity) for symbol, quantity in self.held}


class FlatnessActivities:
    """Proves that a session left none of our shares or orders, or reports what it left."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._known = SharesKnown(broker, database, pace)

    @activity.defn
    async def prove_flat(self, request: SessionRequest) -> FlatnessProof:
        """Read until two reads agree; save the snapshot, report the owner's shares and raise the rest as critical.

        An empty balance alone is no proof while the ledger holds shares (F22). After the time limit the result is "not
        proven".
        """
        account_id, session_date = request.account_id, request.session_date
        async with Heart(silence=WHOLE_LIST) as heart:
            proof = await in_time(self._pace, lambda: self._proven(account_id, session_date, heart))
            if not isinstance(proof, NotDone):
                return proof
            undone = AbandonedStep(account_id, session_date, EventKind.CLOSE_NOT_PROVEN, proof.cause)
            await self._database.events.append(step_abandoned(undone, self._pace.now()))
            return FlatnessProof(flat=False, holdings={}, open_orders=0, not_proven=proof.cause)

    async def _proven(self, account_id: AccountId, session_date: SessionDate, heart: Heart) -> FlatnessProof:
        look = await self._settled(account_id, session_date, heart)
        flat = not look.held and not look.open_orders and look.is_explained and not look.in_doubt
        proven = Proven(session_date, flat, look.open_orders, self._pace.now())
        await self._database.snapshots.save(account_id, proven, look.shares)
        await self._report(account_id, session_date, look)
        return FlatnessProof(
            flat=flat,
            holdings={each.symbol: each.broker for each in look.shares},
            open_orders=look.open_orders,
            ours=look.carried(),
            owners={each.symbol: each.owners for each in look.shares if each.owners},
            unexplained={each.symbol: each.unexplained for each in look.shares if each.unexplained},
            in_doubt=look.in_doubt,
        )

    async def _settled(self, account_id: AccountId, session_date: SessionDate, heart: Heart) -> _Look:
        before = await self._look(account_id, session_date)
        looks = 1
        while True:
            await self._pace.pause(_BETWEEN_READS)
            heart.progress()
            look = await self._look(account_id, session_date)
            looks += 1
            if look == before and (look.is_explained or looks >= _MOST_LOOKS):
                return look
            before = look

    async def _look(self, account_id: AccountId, session_date: SessionDate) -> _Look:
        """Read the list before the balance: a buy between the two is unexplained in one read only."""
        owned = await self._known.look_first(account_id, session_date)
        listed = await self._broker.orders_on(session_date, Lane.RESOLVE)
        balance = await self._broker.balance(Lane.RESOLVE)
        believed = await self._known.believed(account_id, session_date, listed, owned)
        unbound = foreign_orders(listed, await self._database.orders.bound_refs(account_id, session_date))
        active = await self._database.orders.active_in(account_id)
        shares = split(balance.quantities(), believed)
        ours = {*believed.held, *(order.intent.symbol for order in active)}
        ours |= {order.intent.symbol for order in await self._database.orders.on(account_id, session_date)}
        return _Look(
            shares=shares,
            held=tuple(sorted(believed.held.items())),
            open_orders=sum(could_still_fill(order, unbound) or _may_hide(order, listed) for order in active),
            in_doubt=tuple(sorted(symbol for symbol in ours if _is_in_doubt(symbol, listed, balance, shares))),
        )

    async def _report(self, account_id: AccountId, session_date: SessionDate, look: _Look) -> None:
        now = self._pace.now()
        about, append = (account_id, session_date), self._database.events.append
        for symbol, quantity in look.carried().items():
            await append(position_carried_overnight(*about, symbol, quantity, now))
        for symbol in look.in_doubt:
            await append(flatness_in_doubt(*about, symbol, now))
        for each in look.shares:
            if each.unexplained:
                await append(unexplained_shares(*about, each.symbol, each.unexplained, now))
            if each.owners:
                await append(owners_shares(*about, each.symbol, each.owners, now))


def _may_hide(record: OrderRecord, listed: Rows[BrokerOrder]) -> bool:
    """Return whether an unreadable row may be a quarantined order, which only the list could prove ended."""
    return record.ref is None and any(row.may_be_order_of(record.intent) for row in listed.unreadable)


def _is_in_doubt(symbol: Symbol, listed: Rows[BrokerOrder], balance: "Balance", shares: tuple[HeldShares, ...]) -> bool:
    """Return whether unreadable rows may hide shares of a stock, or the owner's orders that explain them."""
    if balance.doubts(symbol) or listed.doubts(symbol):
        return True
    beyond_ours = any(each.symbol == symbol and each.broker > each.ours for each in shares)
    return beyond_ours and any(row.symbol is None for row in listed.unreadable)


def in_words(proof: FlatnessProof) -> str:
    """Describe in one line what remains after the close."""
    if proof.not_proven:
        return f"NOT PROVEN: {proof.not_proven}"
    owners = f"; the owner's own: {_shares(proof.owners)}" if proof.owners else ""
    if proof.flat:
        return f"flat, proven at the broker{owners}"
    left = [
        f"carried {_shares(proof.ours)}" if proof.ours else "",
        f"unexplained {_shares(proof.unexplained)}" if proof.unexplained else "",
        f"{proof.open_orders} orders open" if proof.open_orders else "",
        f"not readable at the broker {' '.join(proof.in_doubt)}" if proof.in_doubt else "",
    ]
    return f"NOT FLAT: {', '.join(each for each in left if each)}{owners}"


def _shares(quantities: dict[Symbol, Quantity]) -> str:
    return " ".join(f"{symbol}×{quantity:,}" for symbol, quantity in sorted(quantities.items()))
