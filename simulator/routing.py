"""Routes of orders (EXCG_ID_DVSN_CD): KRX, NXT, or SOR, which chooses a venue for the customer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from simulator.orders import AccountId, Order


class Route(StrEnum):
    """Where an order is sent; a blank means KRX."""

    KRX = "KRX"
    NXT = "NXT"
    SOR = "SOR"

    @property
    def label(self) -> str:
        """Return KIS's name of it."""
        return {Route.KRX: "한국거래소", Route.NXT: "넥스트레이드", Route.SOR: "SOR"}[self]

    @property
    def notice_code(self) -> str:
        """Return ORD_EXG_GB of its notices: 1 KRX, 2 NXT, 3 SOR that went to KRX."""
        return {Route.KRX: "1", Route.NXT: "2", Route.SOR: "3"}[self]


Key = tuple[AccountId, date, str]


@dataclass(slots=True)
class Routes:
    """The routes of all orders that did not go to KRX directly."""

    _known: dict[Key, Route] = field(default_factory=dict)

    def of(self, order: Order) -> Route:
        """Return the route of an order, or of the order that it cancels."""
        own = self._known.get((order.account, order.day, order.number))
        return own or self._known.get((order.account, order.day, order.original), Route.KRX)

    def apply(self, values: Mapping[str, Any], _: object) -> None:
        """Keep a route, as the journal has it."""
        key = (AccountId(*values["account"]), date.fromisoformat(values["day"]), values["number"])
        self._known[key] = Route(values["route"])

    def to_json(self, order: Order, route: Route) -> dict[str, Any]:
        """Return what the journal keeps of an order's route."""
        return {"account": list(order.account), "day": order.day.isoformat(), "number": order.number, "route": route}
