"""KIS's wire format: strings, padding, key case, paging, TR ids, codes."""

import re
from typing import Any

import pytest

from simulator.endpoints import ENDPOINTS
from simulator.simulation import Simulation
from tests.simulator.fact_sheet import AT, FACT_SHEET
from tests.simulator.market_day import (
    BALANCE,
    KEY,
    ORDER_LIST,
    SAMSUNG,
    SECRET,
    Client,
    a_cancel,
    a_simulation,
    an_order,
)

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}
DAILY = STOCK | {
    "FID_INPUT_DATE_1": "20260101",
    "FID_INPUT_DATE_2": "20261122",
    "FID_PERIOD_DIV_CODE": "D",
    "FID_ORG_ADJ_PRC": "0",
}
RANK = STOCK | {"FID_INPUT_ISCD": "0000", "FID_COND_SCR_DIV_CODE": "20171", "FID_BLNG_CLS_CODE": "3"}
QUERIES: list[tuple[str, str, dict[str, str]]] = [
    (documented.path, documented.tr_id, documented.values)
    for documented in FACT_SHEET
    if documented.method == "GET" and documented.at == AT
]
WITH_KEYS = [query for query in QUERIES if ENDPOINTS[query[0]].required]


@pytest.fixture
def client() -> Client:
    return Client(a_simulation())


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


@pytest.mark.parametrize(("path", "tr_id", "values"), QUERIES, ids=[path for path, _, _ in QUERIES])
async def test_every_query_answers_with_strings_in_lower_case(
    client: Client, path: str, tr_id: str, values: dict[str, str]
) -> None:
    await client.post("/trading/order-cash", "TTTC0012U", an_order())

    reply = await client.get(path, tr_id, values)

    body = reply.json()
    assert reply.status_code == 200
    assert body["rt_cd"] == "0"
    assert {"msg_cd", "msg1"} < set(body)
    assert all(isinstance(leaf, str) for leaf in leaves(body))
    assert reply.headers["tr_id"] == tr_id
    assert "tr_cont" in reply.headers


@pytest.mark.parametrize(("path", "tr_id", "values"), WITH_KEYS, ids=[path for path, _, _ in WITH_KEYS])
async def test_a_missing_key_is_an_input_error_with_http_200(
    client: Client, path: str, tr_id: str, values: dict[str, str]
) -> None:
    first, *_ = ENDPOINTS[path].required

    reply = await client.get(path, tr_id, {name: value for name, value in values.items() if name.upper() != first})

    assert (reply.status_code, reply.json()["rt_cd"], reply.json()["msg_cd"]) == (200, "2", "OPSQ2001")


async def test_lower_case_keys_and_double_slashes_are_accepted(client: Client) -> None:
    lower = {name.lower(): value for name, value in STOCK.items()}

    reply = await client.get("//quotations/inquire-price", "FHKST01010100", lower)

    assert int(reply.json()["output"]["stck_prpr"]) > 0


@pytest.mark.parametrize(
    ("path", "tr_id", "output"),
    [
        ("/quotations/inquire-price", "FHKST01010100", "output"),
        ("/quotations/inquire-asking-price-exp-ccn", "FHKST01010200", "output2"),
    ],
)
async def test_an_unknown_stock_shows_price_zero_and_no_error(
    client: Client, path: str, tr_id: str, output: str
) -> None:
    known = (await client.get(path, tr_id, STOCK)).json()
    unknown = (await client.get(path, tr_id, STOCK | {"FID_INPUT_ISCD": "999999"})).json()

    assert (unknown["rt_cd"], unknown[output]["stck_prpr"]) == ("0", "0")
    assert set(unknown[output]) == set(known[output])


async def test_the_daily_chart_gives_a_hundred_rows_newest_first(client: Client) -> None:
    body = (await client.get("/quotations/inquire-daily-itemchartprice", "FHKST03010100", DAILY)).json()

    days = [row["stck_bsop_date"] for row in body["output2"]]
    assert len(days) == 100
    assert days == sorted(days, reverse=True)
    assert days[0] == "20261120"
    assert body["output2"][0]["stck_clpr"] == body["output1"]["stck_prdy_clpr"]
    assert body["output2"][0]["stck_hgpr"] == body["output1"]["stck_prdy_hgpr"]


async def test_an_order_reply_has_upper_case_keys_and_a_ten_digit_number(client: Client) -> None:
    body = (await client.post("/trading/order-cash", "TTTC0012U", an_order())).json()

    assert set(body["output"]) == {"KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"}
    assert re.fullmatch(r"\d{10}", body["output"]["ODNO"])
    assert (body["msg_cd"], body["output"]["ORD_TMD"]) == ("APBK0013", "093000")
    assert len(body["msg1"].encode("cp949")) == 80


@pytest.mark.parametrize(("buy", "sell"), [("TTTC0012U", "TTTC0011U"), ("TTTC0802U", "TTTC0801U")])
async def test_old_and_new_ids_choose_the_side(client: Client, buy: str, sell: str) -> None:
    await client.post("/trading/order-cash", buy, an_order(10))
    await client.post("/trading/order-cash", sell, an_order(4))

    rows = (await client.get("/trading/inquire-daily-ccld", "TTTC8001R", ORDER_LIST)).json()["output1"]
    assert [row["sll_buy_dvsn_cd"] for row in rows] == ["02", "01"]
    assert [row["tot_ccld_qty"] for row in rows] == ["10", "4"]


async def test_a_cancel_is_a_row_of_its_own_and_the_original_counts_what_was_cancelled(client: Client) -> None:
    price = client.simulation.exchange.snapshot(SAMSUNG, client.simulation.market_now()).limits.lower
    placed = (await client.post("/trading/order-cash", "TTTC0012U", an_order(10, price))).json()["output"]["ODNO"]

    cancel = (await client.post("/trading/order-rvsecncl", "TTTC0013U", a_cancel(placed))).json()["output"]["ODNO"]

    body = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)).json()
    original, row = body["output1"]
    assert (original["odno"], original["cncl_yn"], original["cnc_cfrm_qty"], original["rmn_qty"]) == (
        placed,
        "Y",
        "10",
        "0",
    )
    assert (row["odno"], row["orgn_odno"], row["sll_buy_dvsn_cd_name"], row["rmn_qty"]) == (
        cancel,
        placed,
        "매수취소*",
        "0",
    )
    again = (await client.post("/trading/order-rvsecncl", "TTTC0013U", a_cancel(placed))).json()
    assert (again["rt_cd"], again["msg_cd"]) == ("1", "APBK0344")


async def test_the_order_list_is_paged_with_both_keys_and_the_header(client: Client) -> None:
    for _ in range(103):
        await client.post("/trading/order-cash", "TTTC0012U", an_order(1))

    first = await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)
    keys = {name.upper(): first.json()[name] for name in ("ctx_area_fk100", "ctx_area_nk100")}
    second = await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST | keys, tr_cont="N")
    without_header = await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST | keys)

    assert [len(reply.json()["output1"]) for reply in (first, second, without_header)] == [100, 3, 100]
    assert (first.headers["tr_cont"], second.headers["tr_cont"]) == ("F", "E")
    assert all(len(key) == 100 for key in keys.values())
    numbers = {row["odno"] for reply in (first, second) for row in reply.json()["output1"]}
    assert len(numbers) == 103


async def test_a_sold_out_stock_stays_with_quantity_zero_until_it_is_settled(client: Client) -> None:
    await client.post("/trading/order-cash", "TTTC0012U", an_order(10))
    await client.post("/trading/order-cash", "TTTC0011U", an_order(10))
    shown = []
    for at in ("2026-11-23 16:00:00", "2026-11-24 10:00:00", "2026-11-25 10:00:00"):
        await client.control("/clock", {"set": at})
        rows = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"]
        shown.append([row["hldg_qty"] for row in rows])

    assert shown == [["0"], ["0"], []]


async def test_the_deposit_falls_two_sessions_after_the_buy(client: Client) -> None:
    await client.post("/trading/order-cash", "TTTC0012U", an_order(10))
    cash = client.simulation.engine.account(next(iter(client.simulation.engine.accounts))).cash

    today = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output2"][0]
    await client.control("/clock", {"set": "2026-11-25 10:00:00"})
    later = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output2"][0]

    assert (today["dnca_tot_amt"], today["prvs_rcdl_excc_amt"]) == ("100000000", str(cash))
    assert later["dnca_tot_amt"] == str(cash)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ORD_QTY": "10.0"}, 500, "IGW00007"),
        ({"ORD_QTY": 10}, 500, "IGW00007"),
        ({"ALGO": "x"}, 500, "IGW00007"),
        ({"ORD_UNPR": ""}, 500, "IGW00007"),
        ({"CANO": "1234"}, 200, "OPSQ2000"),
        ({"PDNO": "999999"}, 200, "APBK0656"),
        ({"ORD_DVSN": "05"}, 200, "APBK0918"),
        ({"ORD_DVSN": "07"}, 200, "APBK1943"),
        ({"ORD_DVSN": "51"}, 200, "APBK1943"),
        ({"ORD_DVSN": "22", "ORD_UNPR": "70000"}, 500, "IGW00007"),
        ({"EXCG_ID_DVSN_CD": "NXT"}, 200, "APBK1943"),
        ({"EXCG_ID_DVSN_CD": "XYZ"}, 200, "APBK3026"),
        ({"ORD_QTY": "99999999"}, 200, "APBK0952"),
    ],
)
async def test_bad_orders_are_refused_in_kis_own_ways(
    client: Client, change: dict[str, Any], status: int, code: str
) -> None:
    reply = await client.post("/trading/order-cash", "TTTC0012U", an_order() | change)

    assert (reply.status_code, reply.json()["msg_cd"]) == (status, code)
    assert reply.json()["rt_cd"] != "0"


async def test_an_excluded_flag_is_visible_in_the_price_and_drops_out_of_the_ranking(client: Client) -> None:
    shown = (
        await client.get("/quotations/inquire-price", "FHKST01010100", STOCK | {"FID_INPUT_ISCD": "001470"})
    ).json()
    everything = (
        await client.get("/quotations/volume-rank", "FHPST01710000", RANK | {"FID_BLNG_CLS_CODE": "0"})
    ).json()
    filtered = (
        await client.get(
            "/quotations/volume-rank",
            "FHPST01710000",
            RANK | {"FID_BLNG_CLS_CODE": "0", "FID_TRGT_EXLS_CLS_CODE": "1111111111"},
        )
    ).json()

    assert (shown["output"]["mang_issu_cls_code"], shown["output"]["iscd_stat_cls_code"]) == ("Y", "51")
    assert "001470" in [row["mksc_shrn_iscd"] for row in everything["output"]]
    assert "001470" not in [row["mksc_shrn_iscd"] for row in filtered["output"]]


async def test_the_paper_service_has_its_own_ids_codes_and_page_sizes() -> None:
    client = Client(a_simulation(environment="paper"))

    empty = (await client.get("/trading/inquire-daily-ccld", "VTTC0081R", ORDER_LIST)).json()
    bought = (await client.post("/trading/order-cash", "VTTC0012U", an_order())).json()
    off_grid = (await client.post("/trading/order-cash", "VTTC0012U", an_order(1, 71_001))).json()
    for _ in range(15):
        await client.post("/trading/order-cash", "VTTC0012U", an_order(1))
    page = await client.get("/trading/inquire-daily-ccld", "VTTC0081R", ORDER_LIST)

    assert (empty["rt_cd"], empty["msg_cd"]) == ("0", "70070000")
    assert (bought["msg_cd"], bought["output"]["KRX_FWDG_ORD_ORGNO"]) == ("40600000", "00950")
    assert (off_grid["rt_cd"], off_grid["msg_cd"]) == ("1", "40030000")
    assert (len(page.json()["output1"]), page.headers["tr_cont"]) == (15, "F")


@pytest.mark.parametrize(
    ("environment", "path", "tr_id", "code"),
    [
        ("real", "/trading/inquire-balance", "VTTC8434R", "EGW02004"),
        ("paper", "/trading/inquire-balance", "TTTC8434R", "EGW02006"),
        ("paper", "/quotations/volume-rank", "FHPST01710000", "EGW02006"),
        ("real", "/trading/inquire-balance", "TTTC9999R", "OPSQ0002"),
        ("real", "/trading/no-such-thing", "TTTC8434R", "OPSQ0002"),
    ],
)
async def test_a_tr_id_of_the_wrong_service_is_refused(environment: str, path: str, tr_id: str, code: str) -> None:
    reply = await Client(a_simulation(environment=environment)).get(path, tr_id, BALANCE)

    assert (reply.status_code, reply.json()["msg_cd"]) == (500, code)


async def test_the_hash_key_and_the_approval_key_are_served() -> None:
    client = Client(a_simulation())

    hashed = (await client.http.post("/uapi/hashkey", json=an_order(), headers={"appkey": KEY})).json()
    approved = (await client.http.post("/oauth2/Approval", json={"appkey": KEY, "secretkey": SECRET})).json()

    assert hashed["BODY"] == an_order()
    assert len(hashed["HASH"]) == 64
    assert len(approved["approval_key"]) == 36


def test_the_handle_is_what_other_engineers_use() -> None:
    assert isinstance(a_simulation(), Simulation)
