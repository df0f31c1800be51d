"""Orders for KRX, NXT and SOR: who takes which, how they are shown, cancelled and kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.market_day import ACCOUNT, ORDER_LIST, SAMSUNG, Client, Day, a_cancel, a_simulation, an_order
from tests.simulator.streaming import a_listener, a_venue

FLAGGED = "001470"


async def ordered(client: Client, route: str, **values: str) -> dict[str, Any]:
    body = an_order(2) | {"EXCG_ID_DVSN_CD": route} | values
    reply: dict[str, Any] = (await client.post("/trading/order-cash", "TTTC0012U", body)).json()
    return reply


@pytest.mark.parametrize(
    ("at", "route", "kind", "code"),
    [
        ("10:00:00", "KRX", "01", "APBK0013"),
        ("10:00:00", "", "01", "APBK0013"),
        ("10:00:00", "SOR", "01", "APBK0013"),
        ("10:00:00", "SOR", "05", "APBK1943"),
        ("10:00:00", "SOR", "22", "APBK1943"),
        ("10:00:00", "NXT", "13", "APBK0013"),
        ("10:00:00", "NXT", "01", "APBK1943"),
        ("10:00:00", "XYZ", "01", "APBK3026"),
        ("09:00:29", "NXT", "13", "APBK0918"),
        ("09:00:30", "NXT", "13", "APBK0013"),
        ("15:19:59", "NXT", "13", "APBK0013"),
        ("15:20:00", "NXT", "03", "APBK0918"),
        ("15:25:00", "SOR", "01", "APBK0013"),
        ("15:30:05", "SOR", "01", "APBK3013"),
        ("15:41:00", "SOR", "01", "APBK3013"),
    ],
)
async def test_each_venue_takes_its_order_types_in_its_hours(at: str, route: str, kind: str, code: str) -> None:
    client = Client(a_simulation(f"2026-11-23 {at}"))

    reply = await ordered(client, route, ORD_DVSN=kind, CNDT_PRIC="70000" if kind == "22" else "")

    assert reply["msg_cd"] == code


async def test_market_orders_after_the_close_are_refused_in_the_words_of_their_hour() -> None:
    texts = [
        (await ordered(Client(a_simulation(f"2026-11-23 {at}")), "SOR"))["msg1"] for at in ("15:30:05", "15:41:00")
    ]

    assert texts[0].startswith("[단일가매매]")
    assert texts[1].startswith("[애프터마켓]")


async def test_nxt_does_not_take_a_stock_that_it_does_not_list_and_paper_takes_krx_alone() -> None:
    flagged = await ordered(Client(a_simulation()), "NXT", PDNO=FLAGGED, ORD_DVSN="13")
    paper = Client(a_simulation(environment="paper"))
    body = an_order(2) | {"EXCG_ID_DVSN_CD": "SOR"}

    refused = (await paper.post("/trading/order-cash", "VTTC0012U", body)).json()

    assert (flagged["msg_cd"], refused["msg_cd"]) == ("APBK3026", "90000000")


async def test_lists_show_the_route_and_can_be_asked_for_one() -> None:
    client = Client(a_simulation())
    low = str(client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).limits.lower)
    for route in ("KRX", "SOR", "NXT"):
        await ordered(client, route, ORD_DVSN="00", ORD_UNPR=low)

    async def listed(route: str) -> list[str]:
        values = ORDER_LIST | {"EXCG_ID_DVSN_CD": route}
        rows = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", values)).json()["output1"]
        return [row["excg_id_dvsn_Cd"] for row in rows]

    assert [await listed(route) for route in ("ALL", "SOR", "NXT", "KRX")] == [
        ["KRX", "SOR", "NXT"],
        ["SOR"],
        ["NXT"],
        ["KRX"],
    ]


@pytest.mark.parametrize(
    ("named", "rt_cd", "code"), [("", "1", "APBK0344"), ("NXT", "1", "APBK0344"), ("SOR", "0", "APBK0013")]
)
async def test_an_order_is_cancelled_on_its_own_venue_only(named: str, rt_cd: str, code: str) -> None:
    client = Client(a_simulation())
    low = str(client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).limits.lower)
    reply = (await ordered(client, "SOR", ORD_DVSN="00", ORD_UNPR=low))["output"]
    cancel = a_cancel(reply["ODNO"]) | {"EXCG_ID_DVSN_CD": named}

    answer = (await client.post("/trading/order-rvsecncl", "TTTC0013U", cancel)).json()

    assert (answer["rt_cd"], answer["msg_cd"]) == (rt_cd, code)


async def test_an_amended_order_keeps_its_route() -> None:
    client = Client(a_simulation())
    limits = client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).limits
    first = (await ordered(client, "SOR", ORD_DVSN="00", ORD_UNPR=str(limits.lower)))["output"]
    amend = a_cancel(first["ODNO"]) | {"RVSE_CNCL_DVSN_CD": "01", "EXCG_ID_DVSN_CD": "SOR"}

    higher = str(limits.grid.next_above(limits.lower))
    await client.post("/trading/order-rvsecncl", "TTTC0013U", amend | {"ORD_QTY": "2", "ORD_UNPR": higher})

    order = client.simulation.engine.account(ACCOUNT).live_orders[0]
    assert order.number != first["ODNO"]
    assert client.simulation.routes.of(order) == "SOR"


async def test_routes_come_back_with_the_books(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)
    await ordered(Client(first), "SOR")
    first.close()

    again = a_simulation(journal=tmp_path)

    orders = again.engine.account(ACCOUNT).orders
    assert [again.routes.of(order) for order in orders] == ["SOR"]
    Day(again).passes(seconds=1)
    again.close()


@pytest.mark.parametrize(("fields", "place", "shown"), [(26, 19, "3"), (23, 18, "3Y")])
async def test_a_notice_names_the_venue(fields: int, place: int, shown: str) -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await venue.control("/stream", {"real_fields": fields})
        await listener.asks("H0STCNI0", "haruhts")
        await venue.post("/trading/order-cash", "TTTC0012U", an_order(2) | {"EXCG_ID_DVSN_CD": "SOR"})

        notice = await listener.notice()

    assert (len(notice), notice[place]) == (fields, shown)
