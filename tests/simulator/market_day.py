"""A simulated trading day for tests: a manual clock, a broker, and a minimal KIS client."""

from datetime import datetime, timedelta
from functools import partialmethod
from pathlib import Path
from typing import Any, Final

import httpx

from simulator.app import create_app, create_simulation
from simulator.clock import ManualClock, kst_instant
from simulator.krx.prices import STOCK_GRID
from simulator.krx.sessions import TradingCalendar
from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.order_types import OrderType
from simulator.orders import AccountId, ChangeRequest, Order, OrderAction, OrderRequest
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation

ACCOUNT: Final = AccountId("12345678", "01")
SAMSUNG: Final = Symbol("005930")
THIN: Final = Symbol("013580")
KEY: Final = "k" * 36
SECRET: Final = "s" * 180
CALENDAR: Final = TradingCalendar(frozenset())
PREFIX: Final = "/uapi/domestic-stock/v1"
TRADING: Final = {"CANO": ACCOUNT.number, "ACNT_PRDT_CD": ACCOUNT.product}
PAGES: Final = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
ORDER_LIST: Final = (
    TRADING
    | PAGES
    | {
        "INQR_STRT_DT": "20261123",
        "INQR_END_DT": "20261123",
        "SLL_BUY_DVSN_CD": "00",
        "PDNO": "",
        "ODNO": "",
        "CCLD_DVSN": "00",
        "INQR_DVSN": "01",
    }
)
BALANCE: Final = TRADING | PAGES | {"AFHR_FLPR_YN": "N", "INQR_DVSN": "02", "UNPR_DVSN": "01", "PRCS_DVSN": "00"}


def a_simulation(at: str = "2026-11-23 09:30:00", journal: Path | None = None, **settings: Any) -> Simulation:
    """Build a broker whose market time stands still at a KST time, without a rate limit by default."""
    defaults: dict[str, Any] = {"rate_limit": 0, "calendar": CALENDAR, "clock": ManualClock(kst_instant(at))}
    return create_simulation(SimulationSettings(**(defaults | {"journal": journal} | settings)))


class Day:
    """A trading day with one verb per action."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def _orders(
        self,
        side: Side,
        quantity: int,
        price: int = 0,
        symbol: Symbol = SAMSUNG,
        *,
        kind: OrderType | None = None,
        trigger: int = 0,
    ) -> Order:
        kind = kind or (OrderType.LIMIT if price else OrderType.MARKET)
        request = OrderRequest(ACCOUNT, symbol, side, kind, Quantity(quantity), Price(price), Price(trigger))
        return self.simulation.place_order(request)

    buys = partialmethod(_orders, Side.BUY)
    sells = partialmethod(_orders, Side.SELL)

    def cancels(self, order: Order, quantity: int | None = None) -> Order:
        return self._changes(order, OrderAction.CANCEL, quantity, 0)

    def amends(self, order: Order, price: int, quantity: int | None = None, kind: OrderType = OrderType.LIMIT) -> Order:
        return self._changes(order, OrderAction.AMEND, quantity, price, kind)

    def passes(self, **duration: float) -> None:
        self.simulation.move_clock(self.simulation.market_now() + timedelta(**duration))

    def reaches(self, kst: str) -> None:
        self.simulation.move_clock(kst_instant(kst))

    def price(self, symbol: Symbol = SAMSUNG) -> Price:
        return self.simulation.exchange.snapshot(symbol, self.simulation.market_now()).price

    @property
    def now(self) -> datetime:
        return self.simulation.market_now()

    def _changes(
        self,
        order: Order,
        action: OrderAction,
        quantity: int | None,
        price: int,
        kind: OrderType = OrderType.LIMIT,
    ) -> Order:
        amount = None if quantity is None else Quantity(quantity)
        return self.simulation.change_order(ChangeRequest(ACCOUNT, order.number, action, kind, amount, Price(price)))


class Client:
    """A minimal KIS client: a token, headers, GET and POST."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(simulation)), base_url="http://simulator"
        )
        token = simulation.tokens.issue(KEY, SECRET, simulation.real_now())
        self.headers = {"authorization": f"Bearer {token.text}", "appkey": KEY, "appsecret": SECRET}

    async def get(self, path: str, tr_id: str, values: dict[str, str], **headers: str) -> httpx.Response:
        return await self.http.get(full_path(path), params=values, headers=self.headers | {"tr_id": tr_id} | headers)

    async def post(self, path: str, tr_id: str, values: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.http.post(full_path(path), json=values, headers=self.headers | {"tr_id": tr_id} | headers)

    async def control(self, path: str, body: object) -> Any:
        return (await self.http.post(f"/control{path}", json=body)).json()


def an_order(quantity: int = 10, price: int = 0, symbol: str = SAMSUNG) -> dict[str, str]:
    """Return the body of order-cash; price 0 is a market order."""
    kind = "00" if price else "01"
    return TRADING | {"PDNO": symbol, "ORD_DVSN": kind, "ORD_QTY": str(quantity), "ORD_UNPR": str(price)}


def a_cancel(number: str) -> dict[str, str]:
    """Return the body of order-rvsecncl that cancels all remaining shares."""
    return TRADING | {
        "KRX_FWDG_ORD_ORGNO": "",
        "ORGN_ODNO": number,
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
    }


def full_path(path: str) -> str:
    """Return a path with KIS's domestic prefix; overseas paths already start with uapi."""
    return path if path.lstrip("/").startswith("uapi/") else PREFIX + path


def steps(price: int, ticks: int) -> int:
    """Move a stock's grid price (won) up or down by whole ticks."""
    for _ in range(abs(ticks)):
        price = STOCK_GRID.next_above(price) if ticks > 0 else STOCK_GRID.next_below(price)
    return price
