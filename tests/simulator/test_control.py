"""The control API and its faults."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.clock import MarketClock, kst_instant
from simulator.gateway import ReplyDroppedError
from tests.simulator.market_day import ACCOUNT, BALANCE, ORDER_LIST, SAMSUNG, Client, a_simulation, an_order


@pytest.fixture
def client() -> Client:
    return Client(a_simulation())


async def fault(client: Client, kind: str, **rule: Any) -> None:
    await client.control("/faults", {"kind": kind, "path": "order-cash", **rule})


async def buy(client: Client, quantity: int = 10) -> Any:
    return await client.post("/trading/order-cash", "TTTC0012U", an_order(quantity))


async def filled(client: Client) -> list[int]:
    truth = (await client.http.get(f"/control/accounts/{ACCOUNT.number}")).json()
    return [order["filled"] for order in truth["orders"]]


async def test_the_status_names_time_settings_and_calls(client: Client) -> None:
    await buy(client)

    status = (await client.http.get("/control/status")).json()

    assert status["market_time"].startswith("2026-11-23T09:30:00")
    assert (status["session"], status["phase"], status["manual"], status["seed"]) == (
        "2026-11-23",
        "continuous",
        True,
        7,
    )
    assert status["calls"]["by_tr_id"] == {"TTTC0012U": 1}


async def test_calls_are_listed_one_by_one_since_an_instant(client: Client) -> None:
    await buy(client)
    first = (await client.http.get("/control/calls")).json()
    await buy(client)

    every = (await client.http.get("/control/calls")).json()
    since = (await client.http.get("/control/calls", params={"since": every[-1]["at"]})).json()
    naive = await client.http.get("/control/calls", params={"since": "2026-11-23T15:15:00"})

    assert every[: len(first)] == first
    assert [(call["tr_id"], call["passed"]) for call in since] == [("TTTC0012U", True)]
    assert naive.status_code == 400
    assert "needs a zone" in naive.json()["error"]


async def test_the_manual_clock_moves_forward_only(client: Client) -> None:
    moved = await client.control("/clock", {"advance": 90})
    back = await client.control("/clock", {"set": "2026-11-23 09:00:00"})

    assert moved["market_time"].startswith("2026-11-23T09:31:30")
    assert "cannot go back" in back["error"]


async def test_a_forced_price_is_quoted_and_traded_at_once(client: Client) -> None:
    price = client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).price
    await buy(client)

    shown = await client.control("/prices", {"symbol": SAMSUNG, "price": price * 9 // 10, "drift": -0.01})
    sold = await client.post("/trading/order-cash", "TTTC0011U", an_order(10))

    assert shown["price"] == pytest.approx(price * 0.9, rel=0.003)
    assert sold.json()["rt_cd"] == "0"
    assert await filled(client) == [10, 10]


async def test_a_dropped_reply_does_not_drop_the_order(client: Client) -> None:
    await fault(client, "drop_reply_after")

    with pytest.raises(ReplyDroppedError):
        await buy(client)

    assert await filled(client) == [10]
    assert (await buy(client)).json()["rt_cd"] == "0"


@pytest.mark.parametrize(
    ("kind", "status", "orders"),
    [("error_after", 500, [10]), ("garbage", 200, [10]), ("http_error", 500, []), ("rate_storm", 500, [])],
)
async def test_faults_before_and_after_the_broker_acts(
    client: Client, kind: str, status: int, orders: list[int]
) -> None:
    await fault(client, kind)

    reply = await buy(client)

    assert reply.status_code == status
    assert await filled(client) == orders


async def test_a_refusal_repeats_the_given_message(client: Client) -> None:
    await fault(client, "refuse", rt_cd="7", msg_cd="APBK0952", message="주문가능금액을 초과 했습니다.", side="buy")

    body = (await buy(client)).json()

    assert (body["rt_cd"], body["msg_cd"]) == ("7", "APBK0952")
    assert await filled(client) == []


async def test_conditions_skip_and_count_choose_the_calls_that_are_hit(client: Client) -> None:
    await fault(client, "http_error", status=503, side="buy", symbol=SAMSUNG, skip=1, count=1)
    await fault(client, "http_error", status=502, side="sell", count=0)

    assert [(await buy(client)).status_code for _ in range(3)] == [200, 503, 200]


async def test_a_dead_token_is_said_to_be_expired(client: Client) -> None:
    await fault(client, "expire_token")

    assert [(await buy(client)).json()["msg_cd"] for _ in range(2)] == ["EGW00123", "EGW00123"]


async def test_a_lagging_order_list_hides_new_orders_and_an_empty_balance_hides_holdings(client: Client) -> None:
    await buy(client)
    await fault(client, "lag_orders", path="daily-ccld", seconds=5, count=0)
    await fault(client, "empty_balance", path="inquire-balance")

    hidden = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)).json()["output1"]
    empty = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"]
    await client.control("/clock", {"advance": 6})
    shown = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)).json()["output1"]
    held = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"]

    assert (hidden, empty) == ([], [])
    assert [row["tot_ccld_qty"] for row in shown] == ["10"]
    assert [row["hldg_qty"] for row in held] == ["10"]


async def test_faults_can_be_lifted_and_nonsense_is_answered_with_400(client: Client) -> None:
    await fault(client, "http_error", count=0)
    await client.http.delete("/control/faults")

    nonsense = await client.http.post("/control/faults", json={"kind": "earthquake"})
    unknown = await client.http.post("/control/prices", json={"symbol": "999999", "price": 1})

    assert (await buy(client)).status_code == 200
    assert (nonsense.status_code, unknown.status_code) == (400, 400)


async def test_a_trade_by_hand_shows_without_the_api_mark(client: Client) -> None:
    await client.control(f"/accounts/{ACCOUNT.number}/orders", {"symbol": SAMSUNG, "side": "buy", "quantity": 3})

    rows = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)).json()["output1"]

    assert [(row["ordr_empno"], row["tot_ccld_qty"]) for row in rows] == [("", "3")]


async def test_flags_set_from_outside_are_quoted(client: Client) -> None:
    shown = await client.control("/symbols", {"symbol": SAMSUNG, "halted": True, "flags": ["administrative"]})
    stock = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}

    output = (await client.get("/quotations/inquire-price", "FHKST01010100", stock)).json()["output"]

    assert (shown["halted"], shown["flags"]) == (True, ["administrative"])
    assert (output["temp_stop_yn"], output["iscd_stat_cls_code"], output["mang_issu_cls_code"]) == ("Y", "58", "Y")


async def test_a_running_clock_is_stopped_moved_and_run_at_another_speed(tmp_path: Path) -> None:
    real = [datetime(2026, 11, 23, tzinfo=UTC)]

    def now() -> datetime:
        real[0] += timedelta(milliseconds=10)
        return real[0]

    running = MarketClock(real[0], kst_instant("2026-11-23 10:00:00"), 60)
    client = Client(a_simulation(clock=running, now=now, journal=tmp_path))
    stopped = await client.control("/clock", {"speed": 0})
    still = await client.control("/clock", {"advance": 0})
    jumped = await client.control("/clock", {"set": "2026-11-23 11:00:00"})
    back = await client.control("/clock", {"set": "2026-11-23 10:30:00"})
    faster = await client.control("/clock", {"speed": 100})
    real[0] += timedelta(seconds=9)
    later = await client.control("/clock", {"advance": 60})
    wrong = [await client.control("/clock", {"speed": speed}) for speed in (-1, 1.5, True, "60", 10_000)]
    shown = client.simulation.market_now()
    client.simulation.close()
    again = a_simulation(clock=running, now=now, journal=tmp_path)

    assert still == stopped
    assert stopped["clock"]["speed"] == 0
    assert jumped["market_time"].startswith("2026-11-23T11:00:00")
    assert "cannot go back" in back["error"]
    assert faster["clock"]["speed"] == later["clock"]["speed"] == 100
    assert later["market_time"].startswith("2026-11-23T11:16:0")
    assert all("whole number from 0 (stop) to 3,600" in each["error"] for each in wrong)
    assert timedelta(0) < again.market_now() - shown < timedelta(seconds=10)
