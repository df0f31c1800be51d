"""Program in which the unmodified python-kis buys, cancels, sells and listens; prints each step's result.

A step's result is ``ok`` or its error. Arguments: ``real`` or ``virtual``, then the base URLs of the real and the paper
service. Only python-kis' base URLs are replaced, in the two modules that import them by value.
"""

import json
import sys
from collections.abc import Callable
from datetime import date
from threading import Event
from typing import Any

import pykis.client.websocket as pykis_websocket  # type: ignore[import-untyped]
import pykis.kis as pykis_kis  # type: ignore[import-untyped]
from pykis import PyKis

STEPS = (
    *("login", "quote", "listening", "market_buy", "fills", "limit_buy", "cancel"),
    *("balance", "sell", "streamed_price", "fill_notice", "acceptance_notice", "flat"),
)
SESSION = date(2026, 11, 23)
SYMBOL = "005930"
SHARES = 2
HTS_ID = "haruhts"
_PATIENCE = 10.0


class Day:
    """The steps in order; each asserts what a user would check."""

    def __init__(self, kis: PyKis) -> None:
        self.kis = kis
        self.account = kis.account()
        self.notices: list[tuple[str, int]] = []
        self.registered, self.priced, self.accepted, self.filled = Event(), Event(), Event(), Event()

    def login(self) -> None:
        self.stock = self.kis.stock(SYMBOL)
        assert self.stock.name == "삼성전자"

    def quote(self) -> None:
        self.price = int(self.stock.quote().price)
        assert self.price > 0

    def listening(self) -> None:
        self.kis.websocket.subscribed_event += self._note
        self.tickets = [
            self.stock.on("price", lambda _, event: self.priced.set() if event.response.price > 0 else None),
            self.account.on("execution", lambda _, event: self._hear(event.response)),
        ]
        assert self.registered.wait(_PATIENCE)

    def market_buy(self) -> None:
        self.bought = self.stock.buy(qty=SHARES)

    def fills(self) -> None:
        (order,) = [order for order in self._orders() if order.number == self.bought.number]
        assert (order.type, int(order.executed_qty), int(order.pending_qty)) == ("buy", SHARES, 0)
        assert order.price > 0

    def limit_buy(self) -> None:
        self.resting = self.stock.buy(price=self.price * 8 // 10 // 1000 * 1000, qty=1)
        assert [int(order.pending_qty) for order in self._orders() if order.number == self.resting.number] == [1]

    def cancel(self) -> None:
        self.resting.cancel()
        assert [int(order.pending_qty) for order in self._orders() if order.number == self.resting.number] == [0]

    def balance(self) -> None:
        (held,) = self.account.balance(country="KR").stocks
        assert (held.symbol, int(held.qty), int(held.orderable)) == (SYMBOL, SHARES, SHARES)

    def sell(self) -> None:
        self.stock.sell(qty=SHARES)

    def streamed_price(self) -> None:
        assert self.priced.wait(_PATIENCE)

    def fill_notice(self) -> None:
        assert self.filled.wait(_PATIENCE), self.notices

    def acceptance_notice(self) -> None:
        assert self.accepted.wait(_PATIENCE), self.notices

    def flat(self) -> None:
        assert not [held for held in self.account.balance(country="KR").stocks if held.qty]

    def _note(self, _: object, event: Any) -> None:
        if event.tr.id in ("H0STCNI0", "H0STCNI9"):
            self.registered.set()

    def _orders(self) -> list[Any]:
        return list(self.account.daily_orders(SESSION, SESSION, country="KR").orders)

    def _hear(self, notice: Any) -> None:
        self.notices.append((notice.order_number.number, int(notice.executed_quantity)))
        if notice.executed_quantity:
            self.filled.set()
        elif notice.receipt:
            self.accepted.set()


def connected(mode: str, real_url: str, paper_url: str) -> PyKis:
    pykis_kis.REAL_DOMAIN, pykis_kis.VIRTUAL_DOMAIN = real_url, paper_url
    pykis_websocket.WEBSOCKET_REAL_DOMAIN = real_url.replace("http", "ws", 1)
    pykis_websocket.WEBSOCKET_VIRTUAL_DOMAIN = paper_url.replace("http", "ws", 1)
    if mode == "real":
        return PyKis(id=HTS_ID, account="11111111-01", appkey="R" * 36, secretkey="r" * 180)
    return PyKis(
        id=HTS_ID,
        account="55555555-01",
        appkey="Q" * 36,
        secretkey="q" * 180,
        virtual_id=HTS_ID,
        virtual_appkey="V" * 36,
        virtual_secretkey="v" * 180,
    )


def passed(step: Callable[[], None]) -> str:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - any error is the result
        return f"{type(error).__name__}: {error}"
    return "ok"


if __name__ == "__main__":
    day = Day(connected(*sys.argv[1:]))
    print(json.dumps({name: passed(getattr(day, name)) for name in STEPS}, ensure_ascii=False), flush=True)  # noqa: T201
    day.kis.close()
