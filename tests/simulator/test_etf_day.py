"""A bot of the tutorial kind trades ETFs for a whole day: breakout over yesterday's range, everything sold at 15:19."""

from typing import Any, Final

from simulator.krx.units import Symbol
from simulator.listings import PRODUCTS
from tests.simulator.market_day import ACCOUNT, BALANCE, Client, Day, a_simulation, an_order
from tests.simulator.official_calls import asked

ETFS: Final = ("069500", "122630", "114800", "252670", "233740", "251340")
SHARE_OF_RANGE: Final = 0.3
BUDGET: Final = 10_000_000


def stock(symbol: str) -> dict[str, str]:
    return {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": symbol}


async def target(client: Client, symbol: str) -> float:
    """Return today's open plus a share of yesterday's range, as the bot reads them from the daily chart."""
    days = {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1", "FID_INPUT_DATE_1": "20261116"}
    bars = (await asked(client, "inquire_daily_itemchartprice", **stock(symbol), **days, FID_INPUT_DATE_2="20261123"))[
        "output2"
    ]
    today, yesterday = bars[:2]
    return int(today["stck_oprc"]) + SHARE_OF_RANGE * (int(yesterday["stck_hgpr"]) - int(yesterday["stck_lwpr"]))


async def ordered(client: Client, tr_id: str, symbol: str, quantity: int) -> dict[str, Any]:
    reply: dict[str, Any] = (await client.post("/trading/order-cash", tr_id, an_order(quantity, symbol=symbol))).json()
    return reply


async def test_a_day_of_breakouts_ends_with_everything_sold_and_no_tax() -> None:
    client = Client(a_simulation("2026-11-23 09:00:10", added=tuple(PRODUCTS)))
    day, bought = Day(client.simulation), set[str]()
    targets = {symbol: await target(client, symbol) for symbol in ETFS}

    for _ in range(37):
        day.passes(minutes=10)
        for symbol in set(ETFS) - bought:
            price = int((await asked(client, "inquire_price", **stock(symbol)))["output"]["stck_prpr"])
            if price >= targets[symbol]:
                assert (await ordered(client, "TTTC0012U", symbol, BUDGET // price))["rt_cd"] == "0"
                bought.add(symbol)
    day.reaches("2026-11-23 15:19:00")
    held = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"]
    for row in held:
        assert (await ordered(client, "TTTC0011U", row["pdno"], int(row["ord_psbl_qty"])))["rt_cd"] == "0"
    day.reaches("2026-11-23 15:31:00")

    account = client.simulation.engine.account(ACCOUNT)
    assert bought
    assert {row["pdno"] for row in held} == bought
    assert all(not account.holdings[Symbol(symbol)].quantity for symbol in bought)
    assert sum(order.costs.tax for order in account.orders) == 0
    assert sum(order.costs.commission for order in account.orders) > 0
