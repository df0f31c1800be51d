"""A process with the real client that sends an order for each line on its standard input.

``python -m tests.broker.ordering_host URL QUANTITY ORDER_TIMEOUT UNACKNOWLEDGED_FOR TRANSPORT [CERT]``. It opens its
connection first, so that the order uses an open one, prints the outcome, and keeps running.
"""

import asyncio
import json
import ssl
import sys
import time
from datetime import timedelta

import httpx

import broker.kis.sockets
import broker.kis.wire
from broker.kis import KisBroker
from broker.protocol import AccessToken
from domain.lane import Lane
from tests.broker.parts import NOON, Budget, Tokens, a_connection, an_intent, market_now, with_url


async def main() -> None:
    url, quantity, patience, kernels_patience, transport, *certificate = sys.argv[1:]
    setattr(broker.kis.wire, "ORDER_TIMEOUT", float(patience))  # noqa: B010 it is Final
    setattr(broker.kis.sockets, "UNACKNOWLEDGED_FOR", float(kernels_patience))  # noqa: B010
    verify = ssl.create_default_context(cafile=certificate[0]) if certificate else None
    carries = {
        "ours": lambda: broker.kis.sockets.kis_transport(verify),
        "plain": lambda: httpx.AsyncHTTPTransport(verify=verify or True, trust_env=False),
    }[transport]()
    tokens = Tokens(stored=AccessToken("kept", NOON + timedelta(hours=12)))
    connection = with_url(a_connection(), url)
    async with KisBroker(connection, Budget(), tokens, market_now, carries) as client:
        await client._wires[0].get_root()
        _say(ready=True)
        await asyncio.to_thread(sys.stdin.readline)
        _say(sent=time.monotonic())
        outcome = await client.submit(an_intent(quantity=int(quantity)), Lane.ENTRY)
        _say(outcome=outcome.kind, at=time.monotonic())
        await asyncio.to_thread(sys.stdin.read)


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
