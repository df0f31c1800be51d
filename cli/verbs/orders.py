"""Verbs about the books: compare them, list quarantined orders, and decide about one."""

from collections.abc import Callable
from dataclasses import asdict, replace

from cli.desk import Desk
from domain.audit_log import Outcome
from domain.identity import IntentId
from domain.order import OrderRecord
from fleet import books
from fleet.order_lookup import broker_order
from runtime.os_user import os_user


async def reconcile(desk: Desk) -> int:
    """Show the differences between broker and ledger; return 1 if there are any, or if cash is unexplained."""
    found = await books.reconcile(desk.fleet, apply=desk.asked.apply)
    await desk.conclude(
        Outcome.ACCEPTED, f"{found.booked_fills} fills booked, {len(found.differences)} differences left"
    )

    def show() -> None:
        for difference in found.differences:
            desk.console.say(difference)
        for row in found.not_compared:
            desk.console.say(f"not compared, cannot be read at the broker: {row}")
        desk.console.say(found.cash)
        applied = f"{found.booked_fills} missing fills booked, " if desk.asked.apply else "only looking; "
        desk.console.say(f"{applied}{len(found.differences)} differences left")

    desk.answer(asdict(found), show)
    return 1 if found.differences or found.cash_unexplained else 0


async def foreign_orders(desk: Desk) -> int:
    """List today's API orders that are not ours; return 1 while one waits for acceptance."""
    waiting = await books.foreign_orders(desk.fleet)

    def show() -> None:
        for order in waiting:
            desk.console.say(order.in_words)
        if not waiting:
            desk.console.say("No order of another program waits.")

    desk.answer([asdict(order) for order in waiting], show)
    return 1 if waiting else 0


async def accept_orders(desk: Desk) -> int:
    """Accept orders of another program. Entries open when no order waits and no other cause keeps them shut."""
    accepted = await books.accept_orders(desk.fleet, desk.asked.number, os_user(), desk.asked.reason)

    def show() -> None:
        for order in accepted:
            desk.console.say(f"accepted: {order.in_words}")

    desk.answer([asdict(order) for order in accepted], show)
    return 0


async def quarantine(desk: Desk) -> int:
    """List the orders that wait for the operator."""
    records = await books.quarantined(desk.fleet)
    desk.answer([books.order_json(record) for record in records], _shown(desk, *records))
    return 0


async def adopt(desk: Desk) -> int:
    """Bind a quarantined order to the broker's order, after checking the broker's order list."""
    decision, asked = _decision(desk), desk.asked
    waiting = await books.waiting_order(desk.fleet, decision.intent_id)
    if asked.unchecked:
        decision, quantity = replace(decision, reason=f"{decision.reason} (unchecked)"), waiting.intent.quantity
    else:
        quantity = (await broker_order(desk.fleet, waiting, asked.number, asked.branch)).quantity
    record = await books.adopt(desk.fleet, decision, asked.number, asked.branch)

    def show() -> None:
        if quantity != record.intent.quantity:
            desk.console.say(f"The broker's order is of {quantity:,} shares, ours of {record.intent.quantity:,}.")
        _shown(desk, record)()

    desk.answer(books.order_json(record) | {"broker_quantity": None if asked.unchecked else quantity}, show)
    return 0


async def dismiss(desk: Desk) -> int:
    """Declare that a quarantined order was never placed."""
    record = await books.dismiss(desk.fleet, _decision(desk))
    desk.answer(books.order_json(record), _shown(desk, record))
    return 0


def _decision(desk: Desk) -> books.Decision:
    return books.Decision(IntentId(desk.asked.intent), os_user(), desk.asked.reason)


def _shown(desk: Desk, *records: OrderRecord) -> Callable[[], None]:
    def show() -> None:
        for record in records:
            desk.console.say(books.order_in_words(record))
        if not records:
            desk.console.say("No order waits for a decision.")

    return show
