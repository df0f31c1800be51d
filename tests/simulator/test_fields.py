"""Every documented KIS field is served, and no other; ``-s`` prints the count."""

import pytest

from simulator.endpoints import ENDPOINTS
from simulator.krx.units import Symbol
from tests.simulator.fact_sheet import FACT_SHEET, Documented, served
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation, an_order

HYNIX = Symbol("000660")
_ENVELOPE = {("", "rt_cd"), ("", "msg_cd"), ("", "msg1")}


def test_the_table_names_every_path_that_is_served() -> None:
    assert sorted(documented.path for documented in FACT_SHEET) == sorted(ENDPOINTS)


@pytest.mark.parametrize("documented", FACT_SHEET, ids=lambda documented: documented.path.partition("/v1/")[2])
async def test_exactly_the_documented_fields_are_served(documented: Documented) -> None:
    client = Client(a_simulation(f"{documented.at[:10]} 09:30:00"))
    await client.post("/trading/order-cash", "TTTC0012U", an_order(10))
    await client.post("/trading/order-cash", "TTTC0011U", an_order(3))
    lower = client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).limits.lower
    live = (await client.post("/trading/order-cash", "TTTC0012U", an_order(1, lower))).json()["output"]["ODNO"]
    client.simulation.force_price("000660", round(Day(client.simulation).price(HYNIX) * 1.04), vi=True)
    client.simulation.force_price("035720", 10**6)  # to its upper limit
    Day(client.simulation).reaches(documented.at)
    values = {name: value.replace("{live}", live) for name, value in documented.values.items()}

    call = client.get if documented.method == "GET" else client.post
    body = (await call(documented.path, documented.tr_id, values)).json()

    assert body["rt_cd"] == "0"
    named = documented.named()
    found = served(body, set(documented.fields)) - _ENVELOPE
    outputs = {("", output) for output in documented.fields if output} | named
    print(f"{documented.path:60} {documented.tr_id:14} {len(named & found)}/{len(named)}")  # noqa: T201
    assert named - found == set()
    assert found - outputs == set()
