"""Floor of an order: a loop that only posts it, by the same HTTP client, without books, permit and rate budget."""

import asyncio
from typing import Final

from broker.kis.auth import TokenKeeper
from broker.kis.calls import Call
from broker.kis.orders import order_body
from broker.kis.wire import Wire
from broker.protocol import AccessToken
from domain.identity import Environment
from domain.order import OrderIntent
from runtime.account_names import key_fingerprint
from runtime.composition import connection_of
from runtime.place import calls_per_second, place_of
from runtime.settings import load_settings
from runtime.token_key import token_key
from tools.bench.client import Client
from tools.bench.market import real_now
from tools.bench.stack import Stack

_POSTS: Final = 30
_POSTS_QUICKLY: Final = 1
_BETWEEN: Final = 0.25
"""Real seconds, so that the broker's limit refuses none."""
SALE: Final = Call.SELL.tr_id(Environment.SIMULATED)


async def milliseconds_to_arrive(stack: Stack, client: Client, sold: OrderIntent) -> tuple[float, ...]:
    """Post a sale of shares that are gone, which the broker refuses; return the times until it has each request."""
    settings = load_settings()
    connection = connection_of(settings, place_of(settings, stack.endpoints))
    wire = Wire(connection)
    try:
        await wire.check_simulator()
        budget = client.database.rate_budget(stack.fleet.account_id, calls_per_second(settings))
        tokens = client.database.tokens(key_fingerprint(settings), AccessToken, token_key(settings))
        token = await TokenKeeper(wire, budget, tokens).token()
        number = connection.account_number.get_secret_value()
        body = {"CANO": number, "ACNT_PRDT_CD": connection.product_code, **order_body(sold)}
        times = list[float]()
        for _ in range(_POSTS_QUICKLY if stack.quick else _POSTS):
            await asyncio.sleep(_BETWEEN)
            at = real_now()
            await wire.post_order(Call.SELL, body, token, lambda: True)
            arrived = next(each.at for each in await stack.market.calls_since(at) if each.tr_id == SALE)
            times.append((arrived - at).total_seconds() * 1000)
        return tuple(times)
    finally:
        await wire.aclose()
