"""Each hardship of ``--harsh`` fires: lists, branches, rows, margin, market, prices, tokens, refusals."""

import asyncio
from collections import Counter
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from simulator.faults import FaultKind, StreamFault
from simulator.hardships import Hardship, rules_of, standing
from simulator.krx.units import Side
from simulator.orders import Order
from simulator.tokens import TokenRefusedError
from tests.simulator.market_day import (
    ACCOUNT,
    BALANCE,
    KEY,
    ORDER_LIST,
    PAGES,
    SAMSUNG,
    SECRET,
    THIN,
    TRADING,
    Client,
    Day,
    a_cancel,
    a_simulation,
    an_order,
    steps,
)
from tests.simulator.streaming import a_venue

BUY = ("/trading/order-cash", "TTTC0012U")
CANCEL = ("/trading/order-rvsecncl", "TTTC0013U")
LIST = ("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)
OPEN = ("/trading/inquire-psbl-rvsecncl", "TTTC0084R", TRADING | PAGES | {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"})
HOLDINGS = ("/trading/inquire-balance", "TTTC8434R", BALANCE)
POWER = TRADING | {"PDNO": SAMSUNG, "ORD_UNPR": "", "ORD_DVSN": "01", "CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}
PRICE = ("/quotations/inquire-price", "FHKST01010100", STOCK)


@pytest.fixture
def client() -> Client:
    return Client(a_simulation())


@pytest.fixture
def day(client: Client) -> Day:
    return Day(client.simulation)


async def listed(client: Client, what: tuple[str, str, dict[str, str]], key: str = "output1") -> list[dict[str, Any]]:
    return list((await client.get(*what)).json()[key])


async def power(client: Client) -> int:
    reply = await client.get("/trading/inquire-psbl-order", "TTTC8908R", POWER)
    return int(reply.json()["output"]["nrcvb_buy_amt"])


def test_every_kind_of_a_hardship_is_a_fault_rule() -> None:
    simulation = a_simulation()

    for rule in standing(Hardship):
        simulation.add_fault(**rule)

    kinds = {rule.kind for rule in simulation.faults.rules}
    assert len(kinds) >= len(Hardship)
    assert kinds <= {*FaultKind, *StreamFault}
    assert all(rules_of(hardship, size) for hardship in Hardship for size in (0.0, 1.0))


async def test_the_three_lists_lag_apart_from_each_other(client: Client, day: Day) -> None:
    bid = steps(day.price(), -20)
    day.buys(10)
    resting = day.buys(5, bid)
    day.passes(seconds=20)
    day.cancels(resting)
    day.buys(7)
    for kind in ("lag_orders", "lag_cancels", "lag_open_orders"):
        client.simulation.add_fault(kind=kind, seconds=10, count=0)

    orders = await listed(client, LIST)
    still_open = await listed(client, OPEN, "output")
    held = await listed(client, HOLDINGS)

    assert [(row["ord_qty"], row["rmn_qty"], row["cncl_yn"]) for row in orders] == [("10", "0", "N"), ("5", "5", "N")]
    assert [(row["odno"], row["psbl_qty"]) for row in still_open] == [(resting.number, "5")]
    assert [row["hldg_qty"] for row in held] == ["17"]


async def test_a_cancel_is_shown_late_though_the_list_is_not(client: Client, day: Day) -> None:
    resting = day.buys(5, steps(day.price(), -20))
    day.passes(seconds=60)
    client.simulation.add_fault(kind="lag_cancels", seconds=10, count=0)

    day.cancels(resting)
    soon = await listed(client, LIST)
    day.passes(seconds=11)
    later = await listed(client, LIST)

    assert [row["rmn_qty"] for row in soon] == ["5"]
    assert [(row["rmn_qty"], row["orgn_odno"]) for row in later] == [("0", ""), ("0", resting.number)]


async def test_branches_vary_by_order_and_a_cancel_must_name_the_right_one(client: Client, day: Day) -> None:
    client.simulation.add_fault(kind="varied_branches", path="trading/", count=0)
    limit = steps(day.price(), -20)

    replies = [(await client.post(*BUY, an_order(1, limit))).json()["output"] for _ in range(4)]
    rows = await listed(client, LIST)
    named = {row["odno"]: row["ord_gno_brno"] for row in rows}
    wrong = await client.post(*CANCEL, a_cancel(replies[0]["ODNO"]) | {"KRX_FWDG_ORD_ORGNO": "06010"})
    branch = {"KRX_FWDG_ORD_ORGNO": replies[0]["KRX_FWDG_ORD_ORGNO"]}
    right = await client.post(*CANCEL, a_cancel(replies[0]["ODNO"]) | branch)

    assert len({reply["KRX_FWDG_ORD_ORGNO"] for reply in replies}) > 1
    assert {reply["ODNO"]: reply["KRX_FWDG_ORD_ORGNO"] for reply in replies} == named
    assert (wrong.json()["rt_cd"], right.json()["rt_cd"]) == ("1", "0")


async def test_foreign_credit_fractional_and_blank_rows_stand_beside_ours(client: Client, day: Day) -> None:
    day.buys(10)
    day.buys(10, steps(day.price(), -20))
    client.simulation.add_fault(kind="foreign_rows", count=0)

    orders, holdings = await listed(client, LIST), await listed(client, HOLDINGS)
    still_open = await listed(client, OPEN, "output")

    ours = Counter(row["pdno"] for row in holdings)
    assert ours[SAMSUNG] == 2
    assert {"Q530031", "US0378331005", "KR103502GD69", "035720"} < set(ours)
    assert {"유통융자", "현금", ""} == {row["trad_dvsn_name"] for row in holdings}
    assert "0.4173" in {row["ord_qty"] for row in orders}
    assert "" in {row["rmn_qty"] for row in orders} & {row["odno"] for row in orders}
    assert len(orders) - 2 == len(still_open) - 1 == 5
    assert [set(row.values()) for row in orders if not row["odno"]] == [{""}]


async def test_foreign_rows_stand_in_empty_lists_too(client: Client) -> None:
    client.simulation.add_fault(kind="foreign_rows", count=0)

    orders, holdings = await listed(client, LIST), await listed(client, HOLDINGS)

    assert (len(orders), len(holdings)) == (5, 6)
    assert await listed(client, OPEN, "output")


async def test_live_buys_reserve_nothing_on_a_margin_account(client: Client, day: Day) -> None:
    limit = steps(day.price(), -20)
    most = 90_000_000 // limit
    day.buys(most, limit)
    reserved = await power(client)
    client.simulation.add_fault(kind="margin_account", path="trading/", count=0)

    unreserved = await power(client)
    reply = await client.post(*BUY, an_order(most, limit))

    assert (reserved < 15_000_000, unreserved) == (True, 100_000_000)
    assert reply.json()["rt_cd"] == "0"


async def test_an_amended_buy_reserves_nothing_on_a_margin_account(client: Client, day: Day) -> None:
    limit = steps(day.price(), -20)
    client.simulation.add_fault(kind="margin_account", path="trading/", count=0)
    number = (await client.post(*BUY, an_order(180_000_000 // limit, limit))).json()["output"]["ODNO"]
    dearer = a_cancel(number) | {"RVSE_CNCL_DVSN_CD": "01", "ORD_UNPR": str(steps(limit, 1))}

    reply = await client.post(*CANCEL, dearer)

    assert reply.json()["rt_cd"] == "0"


async def test_an_amended_order_still_queues_and_moves_the_price(client: Client, day: Day) -> None:
    client.simulation.add_fault(kind="queue", path="order-cash", count=0)
    client.simulation.add_fault(kind="price_impact", path="order-cash", count=0)
    low = steps(day.price(THIN), -20)
    number = (await client.post(*BUY, an_order(300, low, THIN))).json()["output"]["ODNO"]
    crossing = a_cancel(number) | {"RVSE_CNCL_DVSN_CD": "01", "ORD_UNPR": str(steps(day.price(THIN), 6))}

    await client.post(*CANCEL, crossing)

    original, amended = client.simulation.engine.account(ACCOUNT).orders
    assert (original.is_queued, amended.is_queued, amended.ahead) == (True, True, None)
    assert amended.filled
    assert day.price(THIN) == amended.fills[-1].price
    assert client.simulation.engine.liquidity.slow == {THIN}


async def test_our_order_moves_the_price_and_its_depth_returns_slowly() -> None:
    client = Client(a_simulation(opening_cash=10_000_000_000))
    moving, calm = Day(client.simulation), Day(a_simulation(opening_cash=10_000_000_000))
    before = moving.price(THIN)
    client.simulation.add_fault(kind="price_impact", path="order-cash", count=0)

    await client.post(*BUY, an_order(3_000, symbol=THIN))
    moved, last = moving.price(THIN), client.simulation.engine.account(ACCOUNT).orders[0].fills[-1].price
    calm.buys(3_000, symbol=THIN)
    for each in (moving, calm):
        each.passes(seconds=40)

    assert moved == last > before
    assert moving.price(THIN) > calm.price(THIN)
    assert client.simulation.engine.liquidity.slow == {THIN}


async def test_a_price_lags_behind_its_book_and_quotes_stand_still(client: Client, day: Day) -> None:
    old = day.price()
    day.passes(seconds=60)
    client.simulation.force_price(SAMSUNG, steps(old, 12))
    client.simulation.add_fault(kind="lag_quotes", path="inquire-price", seconds=30, count=1)

    late = (await client.get(*PRICE)).json()["output"]["stck_prpr"]
    now = (await client.get(*PRICE)).json()["output"]["stck_prpr"]
    client.simulation.add_fault(kind="stuck_quotes", path="inquire-price", count=0, until="2026-11-23 09:40:00")
    day.passes(seconds=60)
    client.simulation.force_price(SAMSUNG, old)
    stuck = (await client.get(*PRICE)).json()["output"]["stck_prpr"]
    day.reaches("2026-11-23 09:40:00")
    free = (await client.get(*PRICE)).json()["output"]["stck_prpr"]

    assert (int(late) < int(now), stuck, free) == (True, now, str(day.price()))


async def test_the_brokers_clock_stamps_orders_early(client: Client) -> None:
    client.simulation.add_fault(kind="clock_off", path="trading/", seconds=-90, count=0)

    stamp = (await client.post(*BUY, an_order())).json()["output"]["ORD_TMD"]
    row = (await listed(client, LIST))[0]

    assert (stamp, row["ord_tmd"]) == ("092830", "092830")


async def test_every_reply_has_the_date_of_a_clock_that_is_off() -> None:
    async with a_venue() as venue:
        await venue.control("/faults", {"kind": "clock_off", "path": "trading/", "seconds": -3_600, "count": 0})

        async def behind() -> timedelta:
            reply = await venue.http.get(f"{venue.url()}/control/clock")
            return venue.simulation.real_now() - parsedate_to_datetime(reply.headers["Date"])

        while await behind() < timedelta(minutes=55):  # the server writes its header about once a second
            await asyncio.sleep(0.1)
        assert await behind() < timedelta(minutes=65)


async def test_a_dead_token_is_handed_out_again_until_its_time_has_passed(client: Client) -> None:
    client.simulation.add_fault(kind="dead_token", path="inquire-price")
    tokens, now = client.simulation.tokens, client.simulation.real_now()
    before = client.headers["authorization"].removeprefix("Bearer ")

    refused = await client.get(*PRICE)

    assert refused.json()["msg_cd"] == "EGW00121"
    tokens.interval = 0
    assert tokens.issue(KEY, SECRET, now).text == before
    tokens.kill_all(now)
    fresh = tokens.issue(KEY, SECRET, client.simulation.real_now())
    assert fresh.text != before
    with pytest.raises(TokenRefusedError):
        tokens.check(f"Bearer {before}", KEY, now)


async def test_every_tenth_call_is_refused_below_the_stated_rate(client: Client) -> None:
    client.simulation.add_fault(kind="rate_storm", every=10, count=0)

    codes = Counter([(await client.get(*PRICE)).json()["msg_cd"] for _ in range(30)])

    assert codes == {"MCA00000": 27, "EGW00201": 3}


async def test_latency_varies_between_its_bounds(client: Client) -> None:
    rule = client.simulation.add_fault(kind="latency", seconds=0.01, most_seconds=0.05, count=0)

    seconds = set()
    for _ in range(3):
        await client.get(*PRICE)
        seconds.add(rule.drawn_seconds)

    assert len(seconds) == 3
    assert all(0.01 <= each <= 0.05 for each in seconds)


async def test_a_half_open_connection_never_replies_though_the_order_was_taken(client: Client) -> None:
    client.simulation.add_fault(kind="half_open", path="order-cash", seconds=0.01)

    with pytest.raises(ConnectionResetError):
        await client.post(*BUY, an_order())

    assert client.simulation.engine.account(ACCOUNT).orders[0].filled == 10


def at_the_touch(*, queued: bool) -> float:
    """Return the share of limit orders at the best bid that are filled within a minute."""
    filled = asked = 0
    for seed in (3, 7, 11):
        simulation = a_simulation(seed=seed, opening_cash=10_000_000_000, interruptions=False)
        day = Day(simulation)
        for symbol in list(simulation.exchange.tapes)[:14]:
            order = _join_the_bid(day, symbol, queued=queued)
            asked += 1
            day.passes(seconds=60)
            filled += not order.remaining
    return filled / asked


def _join_the_bid(day: Day, symbol: Any, *, queued: bool) -> Order:
    session = day.simulation.exchange.shown_session(day.now)
    second = int((day.now - session.opens_at).total_seconds())
    bid = day.simulation.engine.liquidity.levels(symbol, Side.BUY, session, second, 1)[0].price
    order = day.buys(10, bid, symbol)
    order.is_queued = queued
    return order


def test_fewer_orders_at_the_touch_fill_in_a_queue() -> None:
    without, within = at_the_touch(queued=False), at_the_touch(queued=True)

    assert 0.05 < without - within < 0.3
