"""Decisions on the page: quarantined orders are adopted or dismissed, orders of another program accepted."""

from dataclasses import asdict
from typing import Any

from domain.identity import IntentId
from domain.market import Side
from fleet import books
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.order_lookup import broker_order
from runtime.os_user import os_user
from web.commands.wanted import Act, Wanted


async def waiting(fleet: Fleet) -> dict[str, list[dict[str, Any]]]:
    """Return the orders that wait for an operator."""
    return {
        "quarantined": [books.order_json(each) for each in await books.quarantined(fleet)],
        "foreign": [{**asdict(each), "side": each.side.value} for each in await books.foreign_orders(fleet)],
    }


async def described_decision(fleet: Fleet, wanted: Wanted) -> tuple[list[str], bool]:
    """Return what a decision is about, and whether more may be bought afterwards: a decision about a sale never asks.

    Raises:
        OperationError: no such order waits.
    """
    if wanted.act is Act.ACCEPT:
        orders = await books.foreign_orders(fleet)
        chosen = [each for each in orders if wanted["number"] in {each.number, books.ALL_ORDERS}]
        if not chosen:
            raise OperationError(f"no order {wanted['number']!r} of another program is pending; reload the page")
        return [each.in_words for each in chosen], True
    record = await books.waiting_order(fleet, IntentId(wanted["intent"]))
    return [books.order_in_words(record)], record.intent.side is Side.BUY


async def decide(fleet: Fleet, wanted: Wanted) -> list[str]:
    """Carry out a decision; return what was decided.

    Raises:
        OperationError: no such order waits, or the broker lists no such order.
    """
    if wanted.act is Act.ACCEPT:
        accepted = await books.accept_orders(fleet, wanted["number"], os_user(), wanted["reason"])
        return [f"accepted: {each.in_words}" for each in accepted]
    decision = books.Decision(IntentId(wanted["intent"]), os_user(), wanted["reason"])
    if wanted.act is Act.DISMISS:
        return [books.order_in_words(await books.dismiss(fleet, decision))]
    number, branch = wanted["number"], wanted["branch"]
    order = await books.waiting_order(fleet, decision.intent_id)
    listed = await broker_order(fleet, order, number, branch)
    adopted = await books.adopt(fleet, decision, number, branch)
    said = [books.order_in_words(adopted)]
    if listed.quantity != adopted.intent.quantity:
        theirs, ours = f"{listed.quantity:,}", f"{adopted.intent.quantity:,}"
        said.insert(0, f"The broker's order is of {theirs} shares, ours of {ours}.")
    return said
