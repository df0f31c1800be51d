"""``python -m tests.broker.reply_eater URL COUNT``: send COUNT concurrent requests; print results and memory."""

import asyncio
import json
import sys
from collections import Counter
from datetime import timedelta

from broker.kis import KisBroker
from broker.kis.sockets import kis_transport
from broker.protocol import AccessToken
from domain.lane import Lane
from tests.broker.parts import NOON, SAMSUNG, Budget, Tokens, a_connection, market_now, with_url
from tests.support.peak_memory import peak_mb


async def _ending(client: KisBroker) -> str:
    try:
        await client.instrument_status(SAMSUNG, Lane.SCAN)
    except Exception as error:  # noqa: BLE001 - any exception is a result of the test
        return type(error).__name__
    return "value"


async def eat(url: str, count: int) -> Counter[str]:
    """Request a price several times at once."""
    tokens = Tokens(AccessToken("kept", NOON + timedelta(hours=12)))
    async with KisBroker(with_url(a_connection(), url), Budget(), tokens, market_now, kis_transport()) as client:
        return Counter(await asyncio.gather(*(_ending(client) for _ in range(count))))


def main() -> None:
    """Print one line of JSON: the results of the calls, and the peak growth of the process in MB."""
    before = peak_mb()
    endings = asyncio.run(eat(sys.argv[1], int(sys.argv[2])))
    sys.stdout.write(json.dumps({"endings": endings, "grown_mb": peak_mb() - before}) + "\n")


if __name__ == "__main__":
    main()
