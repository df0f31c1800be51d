"""Mistakes on the way from a rule to its sale, each planted by replacing a small part of the product."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import database.trades
from activities.support.pace import SendWindow
from activities.watch.endings import Ending, Endings
from activities.watch.first_exit import FirstExit
from database.unattended import UnattendedSales
from domain.exits import ExitSignal
from domain.lane import Lane
from domain.order import OrderIntent
from domain.position import ClosedTrade
from tests.trials.planted_bugs.swapping import all_swapped, swapped


def forgets_what_its_watch_has_sent() -> AbstractContextManager[None]:
    """Loses the signal of the watch, and decides the first order again beside the one that works."""
    first = Endings._with_first_order

    async def silent(self: Endings, ending: Ending) -> ExitSignal | None:
        signal = await first(self, ending)
        return signal and replace(signal, sent=None)

    return swapped(Endings, "_with_first_order", silent)


def lets_the_watch_send_without_a_permit() -> AbstractContextManager[None]:
    async def post(self: FirstExit, _bound: Any, _turn: Any, intent: OrderIntent) -> None:
        await self._database.orders.record_intent(intent)
        await self._orders._broker.submit(intent, Lane.EXIT, SendWindow().is_open)

    return swapped(FirstExit, "_record_and_post", post)


def leaves_each_sale_to_its_workflow() -> AbstractContextManager[None]:
    async def none(*_: Any) -> tuple[()]:
        return ()

    return swapped(UnattendedSales, "of", none)


def books_a_carried_on_trade_twice() -> AbstractContextManager[None]:
    """Books whatever a workflow or a host reports; the ledger's own difference to earlier bookings is removed, too."""
    more_than = database.trades._more_than

    async def never(*_: Any) -> bool:
        return False

    def all_of_it(booked: Any, trade: ClosedTrade) -> dict[str, int]:
        return more_than(dict.fromkeys(booked.keys(), 0), trade)  # type: ignore[arg-type]

    return all_swapped((database.trades, "_is_closed", never), (database.trades, "_more_than", all_of_it))
