"""A call of an official function by its name, with blanks for every parameter that a test does not name."""

from typing import Any

from simulator.catalogue import FUNCTIONS
from tests.simulator.market_day import SAMSUNG, Client

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


async def asked(client: Client, function: str, **values: str) -> dict[str, Any]:
    """Return the body of a call that succeeds."""
    official = FUNCTIONS[function]
    every = dict.fromkeys(official.params.split(), "") | values
    body: dict[str, Any] = (await client.get(official.path, official.real[0], every)).json()
    assert body["rt_cd"] == "0", body
    return body
