"""A new worker in an account with foreign or unreadable rows sells its position at its stop."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

import httpx

from domain.market import Side
from domain.worker_state import WorkerState
from tests.broker.parts import a_holding_row, an_order_row
from tests.support.builders import HYNIX
from tests.support.stepping import broker_account
from tests.trials.journeys.running_market import RunningMarket, running_market, until
from workflows.trading_worker import TradingWorkerWorkflow

LATEST: Final = 10.0
"""Seconds from the price to the sale at the broker: two on an idle machine; this one is shared."""
NOT_OURS: Final = (
    a_holding_row("035720", hldg_qty="0.3", ord_psbl_qty="0.3", pchs_amt="15000"),
    a_holding_row("Q530036", hldg_qty="20", ord_psbl_qty="20", pchs_amt="200000"),
    a_holding_row(HYNIX, hldg_qty="400", ord_psbl_qty="400", trad_dvsn_name="자기융자", loan_dt="20261102"),
)
NOT_READABLE: Final = (an_order_row(77, pdno="035720", rmn_qty="", ord_tmd=""),)
Reply = dict[str, Any]


class OddNetwork(httpx.AsyncBaseTransport):
    """Passes everything on; once it is odd, it changes the answers of the account's two lists."""

    def __init__(self, change: Callable[[str, Reply], Reply | None]) -> None:
        self._change = change
        self.is_odd = False
        self.inside: httpx.AsyncBaseTransport | None = None

    def around(self, inside: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        self.inside = inside
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert self.inside is not None
        reply = await self.inside.handle_async_request(request)
        name = request.url.path.rsplit("/", 1)[-1]
        if not self.is_odd or name not in {"inquire-balance", "inquire-daily-ccld"}:
            return reply
        changed = self._change(name, json.loads(await reply.aread()))
        if changed is None:
            return httpx.Response(200, content=b"<html>", request=request)
        return httpx.Response(reply.status_code, headers={"tr_cont": reply.headers.get("tr_cont", "")}, json=changed)


def with_odd_rows(name: str, body: Reply) -> Reply:
    rows = NOT_OURS if name == "inquire-balance" else NOT_READABLE
    return {**body, "output1": [*rows, *body["output1"]]}


def unreadable(name: str, body: Reply) -> None:
    return None


async def sold_by_a_new_worker(market: RunningMarket, network: OddNetwork) -> float:
    """Hold, lose the worker, start a new one in the odd account; return the delay from the price to its sale."""
    first = await market.start_worker()
    await market.holds()
    await first.terminate("its host is gone")
    network.is_odd = True
    worker = await market.start_worker()

    async def holds() -> bool:
        return (await worker.query(TradingWorkerWorkflow.status)).state is WorkerState.HOLDING

    async def is_sold() -> bool:
        return any(order.side == Side.SELL.value for order in broker_account(market.simulation).orders)

    await until(holds, "new worker that watches")
    market.price_moves(-0.06)
    fell_at = time.monotonic()
    await until(is_sold, "sale at the broker")
    return time.monotonic() - fell_at


async def test_a_new_worker_beside_a_fraction_an_etn_and_a_credit_row_sells_at_its_stop(
    temporal_dev_server: str, database_url: str
) -> None:
    network = OddNetwork(with_odd_rows)
    async with running_market(temporal_dev_server, database_url, spoiled=network.around) as market, market.hosted():
        seconds = await sold_by_a_new_worker(market, network)
        await market.trades(1)

    assert seconds < LATEST


async def test_a_new_worker_sells_at_its_stop_although_no_list_of_the_account_can_be_read(
    temporal_dev_server: str, database_url: str
) -> None:
    network = OddNetwork(unreadable)
    async with running_market(temporal_dev_server, database_url, spoiled=network.around) as market, market.hosted():
        seconds = await sold_by_a_new_worker(market, network)

    assert seconds < LATEST
