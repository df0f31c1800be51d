"""A driver for ledger tests: a test states what happened to an order, not how it is recorded."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from database.booking import Booked
from database.database import Database
from domain.identity import AccountId, Environment, IntentId, PositionId, WorkerId
from domain.lock import Lease
from domain.market import Market, Side, Symbol
from domain.money import Quantity, Won
from domain.order import Accepted, BrokerOrder, OrderIntent, OrderRecord
from domain.position import ClosedTrade, PositionOpening, StrategyStamp
from domain.risk import Approved, Review, RiskSnapshot
from domain.rules import ExitRules
from tests.support.builders import ACCOUNT, NOW, SAMSUNG, WORKER, a_broker_order, a_closed_trade, a_ref, an_intent

FINGERPRINT = "3f9a1c"
HTTP_TIMEOUT = timedelta(seconds=8)
LEASE = timedelta(seconds=30)


def yes(_snapshot: RiskSnapshot) -> Review:
    """Approve every buy."""
    return Approved()


def an_opening(intent: OrderIntent, **changes: Any) -> PositionOpening:
    """Return the position that an entry intent opens."""
    opening = PositionOpening(
        position_id=intent.position_id,
        account_id=intent.account_id,
        worker_id=intent.worker_id,
        session_date=intent.session_date,
        symbol=intent.symbol,
        name="Samsung Electronics",
        market=Market.KOSPI,
        decision_price=intent.decision_price,
        strategy=StrategyStamp("momentum", "1", {"window": "600"}, "rose 1.3 %", "c0de"),
        exit_rules=ExitRules(),
    )
    return replace(opening, **changes)


class Books:
    """Moves one trade through the ledger, step by step."""

    def __init__(self, database: Database, account_id: AccountId = ACCOUNT) -> None:
        self.database = database
        self.account_id = account_id
        self._number = 0

    async def locked(self, worker: WorkerId = WORKER, symbol: Symbol = SAMSUNG, duration: timedelta = LEASE) -> Lease:
        """Acquire the symbol's lock."""
        lease = await self.database.locks.acquire(self.account_id, symbol, worker, duration)
        assert isinstance(lease, Lease)
        return lease

    def a_buy(self, lease: Lease, quantity: int = 10, **changes: Any) -> OrderIntent:
        """Return a buy decided under a lease, with an id of its own."""
        self._number += 1
        name = changes.pop("name", f"{lease.worker_id}/{self._number}")
        intent = an_intent(
            Side.BUY,
            quantity,
            intent_id=IntentId(name),
            account_id=self.account_id,
            position_id=PositionId(name),
            worker_id=lease.worker_id,
            symbol=lease.symbol,
            fencing_token=lease.fencing_token,
        )
        return replace(intent, **changes)

    def a_sale(self, lease: Lease, position_id: PositionId, quantity: int = 10, **changes: Any) -> OrderIntent:
        """Return a sale of a position, decided under a lease."""
        self._number += 1
        intent = an_intent(
            Side.SELL,
            quantity,
            intent_id=IntentId(f"{lease.worker_id}/{self._number}"),
            account_id=self.account_id,
            position_id=position_id,
            worker_id=lease.worker_id,
            symbol=lease.symbol,
            fencing_token=lease.fencing_token,
        )
        return replace(intent, **changes)

    async def decided(self, intent: OrderIntent) -> OrderRecord:
        """Record the intent, with its position if it is a buy."""
        if intent.side is Side.BUY:
            return await self.database.orders.record_entry(intent, an_opening(intent))
        return await self.database.orders.record_intent(intent)

    async def sent(self, intent: OrderIntent) -> OrderRecord:
        """Record it and mark it as sent."""
        await self.decided(intent)
        permit = await self.database.orders.begin_sending(
            intent.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
        )
        assert permit.may_send
        record = await self.database.orders.get(intent.intent_id)
        assert record is not None
        return record

    async def accepted(self, intent: OrderIntent, number: int | None = None) -> OrderRecord:
        """Send it and let the broker accept it."""
        await self.sent(intent)
        self._number += 1
        outcome = Accepted(a_ref(number or self._number, intent.session_date))
        return await self.database.orders.record_outcome(intent.intent_id, outcome)

    def listed(self, record: OrderRecord, filled: int, price: int = 70_000, **changes: Any) -> BrokerOrder:
        """Return the broker's row of an order."""
        intent = record.intent
        row = a_broker_order(intent.side, intent.quantity, filled=filled, ref=record.ref, symbol=intent.symbol)
        return replace(row, **{"filled_amount": Won(filled * price), **changes})

    async def filled(self, record: OrderRecord, shares: int, price: int = 70_000, **changes: Any) -> Booked:
        """Book so many shares as filled, as the broker lists them."""
        row = self.listed(record, shares, price, **changes)
        return await self.database.orders.book(record.intent.intent_id, row, NOW)

    async def cancelled(self, record: OrderRecord, shares: int = 0) -> Booked:
        """Book the rest as withdrawn, as the broker lists it."""
        return await self.filled(record, shares, remaining_quantity=Quantity(0))

    async def held(self, worker: WorkerId = WORKER, symbol: Symbol = SAMSUNG, quantity: int = 10) -> OrderRecord:
        """Buy shares and hold them."""
        record = await self.accepted(self.a_buy(await self.locked(worker, symbol), quantity))
        return (await self.filled(record, quantity)).order

    async def sold(self, bought: OrderRecord, price: int = 71_000) -> OrderRecord:
        """Sell everything that an entry bought."""
        intent = bought.intent
        lease = await self.locked(intent.worker_id, intent.symbol)
        record = await self.accepted(self.a_sale(lease, intent.position_id, intent.quantity))
        return (await self.filled(record, intent.quantity, price)).order

    def a_trade(self, bought: OrderRecord, sold: OrderRecord, **changes: Any) -> ClosedTrade:
        """Return the trade that agrees with its two orders."""
        trade = a_closed_trade(
            account_id=bought.intent.account_id,
            position_id=bought.intent.position_id,
            worker_id=bought.intent.worker_id,
            symbol=bought.intent.symbol,
            quantity=bought.filled_quantity,
            entry_amount=bought.filled_amount,
            exit_amount=sold.filled_amount,
        )
        return replace(trade, **changes)

    async def traded(
        self, worker: WorkerId = WORKER, symbol: Symbol = SAMSUNG, sold_at: int = 71_000, **changes: Any
    ) -> ClosedTrade:
        """Buy, sell and close."""
        bought = await self.held(worker, symbol)
        trade = self.a_trade(bought, await self.sold(bought, sold_at), **changes)
        lease = await self.locked(worker, symbol)
        assert await self.database.trades.close(trade, lease, release_lock=True)
        return trade


def another(account: str = "simulated-other") -> AccountId:
    """Return an account that this database does not belong to."""
    return AccountId(account)
