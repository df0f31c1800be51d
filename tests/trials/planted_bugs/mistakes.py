"""Known mistakes of trading bots, each planted by replacing a small part of the product."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

import activities.account.carried
import activities.account.foreign_api_orders
import activities.account.trade_booking
import activities.account.witnesses
import activities.flatness
import activities.watching
import broker.kis.rows
import database.booking
import database.orders
import database.positions
import database.recording
import database.sending
import domain.exits
import domain.reconciliation
import workflows.trading_worker
from activities.account.late_fills import LateFills
from activities.account.records import recorded
from activities.account.unlisted import UnlistedOrders, _Seen
from activities.account.witnesses import Witnesses
from activities.flatness import FlatnessActivities
from activities.orders import SENDING_TAKES, OrderActivities, SubmitRequest
from activities.resolving import ProofRules, ResolvingActivities
from activities.support.host_gate import HostGate
from activities.support.strategy_guard import StrategyGuard
from broker.kis.client import KisClient
from broker.kis.orders import KisOrders
from database.alerts import Alerts
from database.pool import _WritesOnly
from database.positions import Positions
from database.risk import RiskView, snapshot_behind_gate
from domain.errors import BrokerProtocolError
from domain.flatness import split
from domain.identity import IntentId
from domain.lane import Lane
from domain.money import NO_SHARES, NO_WON, Price, Quantity
from domain.order import OrderPurpose, OrderRecord, Rejected, SubmitOutcome, Unknown
from domain.pnl import closed_trade
from domain.position import ClosedTrade
from domain.reconciliation import match_lost_order
from domain.risk import Denial, Denied, Review, RiskSnapshot, proposal_of, review
from domain.worker_state import WorkerLife
from tests.trials.planted_bugs.swapping import all_swapped, swapped


def posts_again_on_a_time_out() -> AbstractContextManager[None]:
    post_once = KisClient._post_once

    async def post(self: KisClient, *request: Any) -> Any:
        reply = await post_once(self, *request)
        return await post_once(self, *request) if isinstance(reply, Unknown) else reply

    return swapped(KisClient, "_post_once", post)


def takes_unknown_for_rejected() -> AbstractContextManager[None]:
    submit = KisOrders.submit

    async def sure(self: KisOrders, *order: Any) -> SubmitOutcome:
        outcome = await submit(self, *order)
        return Rejected("TIMEOUT", outcome.cause) if isinstance(outcome, Unknown) else outcome

    return swapped(KisOrders, "submit", sure)


class _Late(OrderActivities):
    @activity.defn
    async def submit_order(self, request: SubmitRequest) -> OrderRecord:
        """Send first and record afterwards."""
        intent = (await recorded(self._database.orders, request.intent_id)).intent
        entry = request.purpose is OrderPurpose.ENTRY
        outcome = await self._broker.submit(intent, Lane.ENTRY if entry else Lane.EXIT)

        def gate(snapshot: RiskSnapshot) -> Review:
            return review(proposal_of(intent), snapshot, request.rules, request.plan)

        await self._database.orders.begin_sending(
            request.intent_id,
            review=gate if entry else None,
            http_timeout=SENDING_TAKES,
            environment=self._broker.environment,
        )
        return await self._database.orders.record_outcome(request.intent_id, outcome)


def records_the_intent_after_sending() -> AbstractContextManager[None]:
    return swapped(OrderActivities, "submit_order", _Late.submit_order)


def books_each_listing_as_a_new_fill() -> AbstractContextManager[None]:
    """Treats cumulative fills as new ones; the ledger's unique key is dropped as well."""
    return swapped(database.booking, "_difference", lambda _, listed: (listed.filled_quantity, listed.filled_amount))


def ignores_the_fencing_token() -> AbstractContextManager[None]:
    blind = """
    SELECT orders.worker_id, orders.fencing_token, stock_locks.expires_at, accounts.environment
    FROM stock_locks JOIN orders USING (account_id, symbol) JOIN accounts USING (account_id)
    WHERE orders.intent_id = $1
    """
    return swapped(database.sending, "_LEASE", blind)


class _Sure(OrderActivities):
    _CANCELLED = "UPDATE orders SET status = 'cancelled' WHERE intent_id = $1 AND order_no IS NOT NULL"
    _ask = OrderActivities.cancel_order

    @activity.defn
    async def cancel_order(self, intent_id: IntentId) -> SubmitOutcome:
        """Request the cancel, and assume success whatever the answer."""
        outcome = await _Sure._ask(self, intent_id)
        await self._database.orders._pool.execute(_Sure._CANCELLED, intent_id)
        return outcome


def takes_a_cancel_for_done() -> AbstractContextManager[None]:
    return swapped(OrderActivities, "cancel_order", _Sure.cancel_order)


def sells_what_it_believes_to_hold() -> AbstractContextManager[None]:
    """Sells the bought quantity; the ledger's own check of the remaining shares is removed as well."""
    from_row = database.positions._from_row
    bought = "SELECT bought_quantity FROM positions WHERE position_id = $1"
    return all_swapped(
        (database.positions, "_from_row", lambda row: replace(from_row(row), quantity=row["bought_quantity"])),
        (database.recording, "_HELD", bought),
    )


def forgets_which_orders_are_bound() -> AbstractContextManager[None]:
    match = match_lost_order
    return swapped(
        activities.account.witnesses,
        "match_lost_order",
        lambda intent, orders, _, __: match(intent, orders, frozenset(), intent.decided_at - timedelta(hours=1)),
    )


def believes_the_first_look() -> AbstractContextManager[None]:
    """Accepts one read as proof, without a settle time and without the second witness."""
    count = ResolvingActivities._count_absence

    async def hasty(self: ResolvingActivities, *about: Any) -> int:
        self._proof = ProofRules(settle_time=timedelta(0), clean_reads=1)
        return await count(self, *about)

    async def blind(*_: Any) -> str:
        return ""

    return all_swapped(
        (ResolvingActivities, "_count_absence", hasty),
        (Witnesses, "holding_against_absence", blind),
    )


def checks_the_gate_only_before() -> AbstractContextManager[None]:
    async def reviewed(*_: Any) -> None:
        return None

    return swapped(database.sending, "_reviewed", reviewed)


def ignores_the_hosts_limits() -> AbstractContextManager[None]:
    """Uses only the rules of the workflow's input, as a caller supplies them."""

    def own(_: HostGate, proposal: Any, snapshot: Any, rules: Any, plan: Any) -> Review:
        return review(proposal, snapshot, rules, plan)

    return all_swapped((HostGate, "capped", lambda _, rules: rules), (HostGate, "review", own))


def sends_without_the_hosts_limits() -> AbstractContextManager[None]:
    return swapped(database.sending.Gate, "number_for", lambda *_: None)


def keeps_sales_behind_the_kill_switch() -> AbstractContextManager[None]:
    async def reviewed(connection: Any, intent: Any, _: Any) -> Denied | None:
        view = RiskView(intent.account_id, intent.worker_id, intent.session_date, intent.decided_at)
        snapshot = await snapshot_behind_gate(connection, view)
        return Denied(Denial.KILL_SWITCH_ON, "no orders now") if snapshot.kill_switch_on else None

    return swapped(database.sending, "_reviewed", reviewed)


def forgets_the_best_price() -> AbstractContextManager[None]:
    mark = Positions.mark

    async def low(self: Positions, position_id: Any, last_price: Price, _: Price, at: datetime) -> None:
        await mark(self, position_id, last_price, Price(1), at)

    return all_swapped(
        (Positions, "mark", low),
        (activities.watching, "_best_of_earlier_attempt", lambda: 0),
    )


def trusts_every_price() -> AbstractContextManager[None]:
    return all_swapped(
        (activities.watching, "problem_for", lambda *_: None),
        (domain.exits, "problem_for", lambda *_: None),
    )


def proves_flatness_from_the_ledger() -> AbstractContextManager[None]:
    return swapped(activities.flatness, "split", lambda *_: ())


def takes_unexplained_shares_for_the_owners() -> AbstractContextManager[None]:
    def split_in_two(holdings: Any, believed: Any) -> Any:
        parts = split(holdings, believed)
        return tuple(
            replace(each, owners=Quantity(each.owners + each.unexplained), unexplained=NO_SHARES) for each in parts
        )

    return swapped(activities.flatness, "split", split_in_two)


def takes_the_owners_shares_for_ours() -> AbstractContextManager[None]:
    def split_in_two(holdings: Any, believed: Any) -> Any:
        parts = split(holdings, believed)
        return tuple(
            replace(each, unexplained=Quantity(each.owners + each.unexplained), owners=NO_SHARES) for each in parts
        )

    return swapped(activities.flatness, "split", split_in_two)


def carries_shares_in_silence() -> AbstractContextManager[None]:
    async def report(*_: Any) -> None:
        return None

    return swapped(FlatnessActivities, "_report", report)


def forgets_the_tax() -> AbstractContextManager[None]:
    def untaxed(*about: Any, **named: Any) -> ClosedTrade:
        trade = closed_trade(*about, **named)
        return replace(trade, exit_costs=replace(trade.exit_costs, tax=NO_WON))

    return swapped(activities.account.trade_booking, "closed_trade", untaxed)


def orders_take_no_slot() -> AbstractContextManager[None]:
    async def send(self: KisClient, call: Any, body: Any, lane: Any, may_leave: Any, *_: Any) -> Any:
        return await self._post_once(call, body, await self._keeper.token(), may_leave)

    return swapped(KisClient, "send", send)


def drops_commands_between_runs() -> AbstractContextManager[None]:
    def fresh(life: Any, **changes: Any) -> Any:
        if isinstance(life, WorkerLife) and "cycles" in changes:
            changes |= {"paused": False, "closed_session": None}
        return replace(life, **changes)

    return swapped(workflows.trading_worker, "replace", fresh)


def forgets_what_a_run_earned() -> AbstractContextManager[None]:
    def fresh(life: Any, **changes: Any) -> Any:
        return replace(life, **changes | ({"realised_pnl": NO_WON} if "cycles" in changes else {}))

    return swapped(workflows.trading_worker, "replace", fresh)


def refuses_a_list_for_one_odd_row() -> AbstractContextManager[None]:
    def refuse(source: Any, _: Any, fault: Any, __: Any) -> None:
        raise BrokerProtocolError(f"{source.of}: {fault}")

    return swapped(broker.kis.rows, "_unreadable", refuse)


def takes_an_unlisted_order_for_over() -> AbstractContextManager[None]:
    async def nothing(*_: Any, **__: Any) -> _Seen:
        return _Seen(0, is_over=True)

    return swapped(UnlistedOrders, "_evidence", nothing)


def never_looks_at_an_order_that_is_over() -> AbstractContextManager[None]:
    async def nothing(*_: Any) -> int:
        return 0

    return swapped(LateFills, "book", nothing)


def trusts_strategies_not_to_raise() -> AbstractContextManager[None]:
    async def ask(self: StrategyGuard, view: Any, position: Any, rules: Any) -> bool:
        return self._strategies[position.strategy.name].wants_out(view, position, rules)

    return swapped(StrategyGuard, "wants_out", ask)


def waits_for_strategies() -> AbstractContextManager[None]:
    async def ask(self: StrategyGuard, view: Any, position: Any, rules: Any) -> bool:
        strategy = self._strategies[position.strategy.name]
        return await asyncio.to_thread(strategy.wants_out, view, position, rules)

    return swapped(StrategyGuard, "wants_out", ask)


def trusts_that_clocks_agree() -> AbstractContextManager[None]:
    """Assumes that an order stamped by the exchange before our own decision may belong to another."""
    return swapped(domain.reconciliation, "CLOCK_ALLOWANCE", timedelta(0))


def retires_the_channels_that_it_does_not_know() -> AbstractContextManager[None]:
    """Treats its own settings as the fleet's: other channels are removed with their unsent alerts."""
    register = Alerts.register

    async def retire(self: Alerts, account_id: Any, channels: Any, *about: Any, **wanted: Any) -> None:
        for state in await self.states(account_id):
            if state.channel not in channels:
                await self.remove(account_id, state.channel)
        await register(self, account_id, channels, *about, **wanted)

    return swapped(Alerts, "register", retire)


def keeps_connections_that_take_no_writes() -> AbstractContextManager[None]:
    async def lend(*_: Any) -> None:
        return None

    return all_swapped((_WritesOnly, "check", lend), (_WritesOnly, "_hear", lambda *_: None))


def takes_new_shares_of_a_split_for_the_owners() -> AbstractContextManager[None]:
    return swapped(activities.account.carried, "restated", lambda *_: None)


def trusts_every_order_by_api() -> AbstractContextManager[None]:
    return swapped(activities.account.foreign_api_orders, "orders_of_another_program", lambda *_: ())
