"""Over real HTTP: a damaged field in one row does not change how the other rows are read."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from broker.kis import KisBroker
from broker.kis.sockets import kis_transport
from broker.protocol import AccessToken
from domain.lane import Lane
from domain.market import Side, Symbol
from tests.broker.parts import (
    DAY,
    NOON,
    Budget,
    Tokens,
    a_connection,
    a_holding_row,
    a_many_row,
    an_order_row,
    market_now,
    with_url,
)
from tests.broker.test_sockets import answer

OTHER, ODD = Symbol("000660"), Symbol("005930")
VALUES: list[Any] = ["", " ", "-1", "0.3", "12.7", "1e5", "?", "9" * 30, None, True, [], {}, 7]
CODES = ["Q530031", "KR6000001", "AAPL", "BRK/B", "x", "a" * 40]
GONE = "the field is gone"
A_PROFIT = {"trad_dt": "20261123", "buy_amt": "1", "sll_amt": "2", "rlzt_pfls": "1", "fee": "0", "tl_tax": "0"}
A_STOCK_PROFIT = A_PROFIT | {"loan_int": "0", "prdt_name": "name", "buy_qty": "1", "sll_qty": "1"}


@dataclass(frozen=True)
class List:
    """One list of KIS's: the location of its rows, and the stocks that our reader finds in it."""

    key: str
    rows: tuple[dict[str, str], dict[str, str]]
    found: Callable[[KisBroker], Awaitable[set[str]]]


async def _holdings(broker: KisBroker) -> set[str]:
    return set((await broker.balance(Lane.RESOLVE)).quantities())


async def _orders(broker: KisBroker) -> set[str]:
    return {order.symbol for order in await broker.orders_on(DAY, Lane.RESOLVE)}


async def _open_orders(broker: KisBroker) -> set[str]:
    return {order.symbol for order in await broker.open_orders(Side.BUY, Lane.RESOLVE) or ()}


async def _quotes(broker: KisBroker) -> set[str]:
    return set(await broker.quotes([ODD, OTHER], Lane.SCAN))


async def _leaders(broker: KisBroker) -> set[str]:
    return set(await broker.volume_leaders(9, Lane.SCAN))


async def _profits(broker: KisBroker) -> set[str]:
    return {row.symbol for row in await broker.profits_by_stock(DAY, DAY, Lane.RESOLVE) or ()}


LISTS = {
    "holdings": List("output1", (a_holding_row(ODD), a_holding_row(OTHER)), _holdings),
    "orders": List("output1", (an_order_row(1, pdno=ODD), an_order_row(2, pdno=OTHER)), _orders),
    "open orders": List(
        "output", (an_order_row(1, pdno=ODD, psbl_qty="6"), an_order_row(2, pdno=OTHER, psbl_qty="6")), _open_orders
    ),
    "quotes": List("output", (a_many_row(ODD), a_many_row(OTHER)), _quotes),
    "ranking": List("output", ({"mksc_shrn_iscd": ODD}, {"mksc_shrn_iscd": OTHER}), _leaders),
    "profits": List("output1", (A_STOCK_PROFIT | {"pdno": ODD}, A_STOCK_PROFIT | {"pdno": OTHER}), _profits),
}


@asynccontextmanager
async def a_kis(replies: list[dict[str, Any]]) -> AsyncIterator[KisBroker]:
    """Serve the replies one after the other on a real socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await answer(writer, json.dumps(replies.pop(0)).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connection = with_url(a_connection(), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    tokens = Tokens(stored=AccessToken("kept", NOON + timedelta(hours=12)))
    try:
        async with KisBroker(connection, Budget(), tokens, market_now, kis_transport()) as broker:
            yield broker
    finally:
        server.close()


def damaged(row: dict[str, str], field: str, value: Any) -> dict[str, Any]:
    if value == GONE:
        return {name: kept for name, kept in row.items() if name != field}
    return {**row, field: value}


def a_reply(key: str, rows: list[Any]) -> dict[str, Any]:
    totals = {"prvs_rcdl_excc_amt": "5000000"} if key == "output1" else {}
    return {"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output2": [totals], key: rows}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("odd_first", [True, False])
async def test_whatever_becomes_of_a_field_the_other_row_is_read(name: str, odd_first: bool) -> None:
    kind = LISTS[name]
    row, other = kind.rows
    spoiled: list[Any] = [damaged(row, field, value) for field in row for value in (*VALUES, *CODES, GONE)]
    spoiled += [{}, None, "x", 7, []]
    replies = [a_reply(kind.key, [each, other] if odd_first else [other, each]) for each in spoiled]

    async with a_kis(replies) as broker:
        for each in spoiled:
            assert OTHER in await kind.found(broker), each

    assert replies == []
