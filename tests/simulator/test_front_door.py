"""Keys, accounts, headers, limits, and faults that a KIS client must handle."""

import json
from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.access import AccessListError, read_access_list
from simulator.orders import AccountId
from tests.simulator.market_day import (
    ACCOUNT,
    BALANCE,
    KEY,
    ORDER_LIST,
    SAMSUNG,
    SECRET,
    Client,
    Day,
    a_simulation,
    an_order,
)

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}
OTHER_ACCOUNT = {"CANO": "87654321", "ACNT_PRDT_CD": "01"}


def an_access_file(folder: Path, content: object) -> Path:
    file = folder / "access.json"
    file.write_text(json.dumps(content), "utf-8")
    return file


async def code_of(client: Client, path: str, tr_id: str, values: dict[str, str], **headers: str) -> tuple[int, str]:
    reply = await client.get(path, tr_id, values, **headers)
    return reply.status_code, reply.json()["msg_cd"]


async def test_only_the_listed_keys_and_accounts_are_taken(tmp_path: Path) -> None:
    content = {"keys": {KEY: SECRET}, "accounts": ["12345678-01"]}
    client = Client(a_simulation(token_interval=0, allowed=read_access_list(an_access_file(tmp_path, content))))

    codes = []
    for key, secret in ((KEY, SECRET), (KEY, "x" * 180), ("y" * 36, SECRET)):
        body = {"grant_type": "client_credentials", "appkey": key, "appsecret": secret}
        codes.append((await client.http.post("/oauth2/tokenP", json=body)).json().get("error_code"))

    assert codes == [None, "EGW00105", "EGW00103"]
    assert await code_of(client, "/trading/inquire-balance", "TTTC8434R", BALANCE) == (200, "KIOK0510")
    foreign = BALANCE | OTHER_ACCOUNT
    assert await code_of(client, "/trading/inquire-balance", "TTTC8434R", foreign) == (200, "OPSQ2000")


async def test_without_a_list_any_account_is_opened_at_its_first_use() -> None:
    client = Client(a_simulation())

    await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE | OTHER_ACCOUNT)

    assert client.simulation.engine.accounts[AccountId("87654321", "01")].cash == 100_000_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "names no keys"),
        ({"keys": {"short": SECRET}}, "must have 36 characters"),
        ({"keys": {KEY: SECRET}, "accounts": ["1234567801"]}, "is no account; write it as 12345678-01"),
    ],
)
def test_a_bad_access_list_is_refused(tmp_path: Path, content: object, says: str) -> None:
    file = an_access_file(tmp_path, content)

    with pytest.raises(AccessListError, match=says):
        read_access_list(file)
    assert main(["--allow", str(file)]) == 2


@pytest.mark.parametrize(
    ("values", "headers", "expected"),
    [
        (STOCK, {"tr_id": ""}, (500, "OPSQ9999")),
        (STOCK, {"custtype": "X"}, (500, "EGW00208")),
        (STOCK, {"custtype": "P"}, (200, "MCA00000")),
        (STOCK | {"FID_INPUT_ISCD": "0059300059300"}, {}, (200, "OPSQ2002")),
        (STOCK | {"FID_COND_MRKT_DIV_CODE": "Z"}, {}, (200, "OPSQ2001")),
    ],
)
async def test_wrong_headers_and_fields_have_kis_own_codes(
    values: dict[str, str], headers: dict[str, str], expected: tuple[int, str]
) -> None:
    client = Client(a_simulation())
    tr_id = headers.pop("tr_id", "FHKST01010100")

    assert await code_of(client, "/quotations/inquire-price", tr_id, values, **headers) == expected


async def test_strictness_refuses_what_kis_documents_but_tolerates() -> None:
    lenient, strict = Client(a_simulation()), Client(a_simulation(strict=True))
    body = an_order(1)
    right = (await strict.http.post("/uapi/hashkey", json=body)).json()["HASH"]

    async def post(client: Client, **headers: str) -> str:
        reply = (await client.post("/trading/order-cash", "TTTC0012U", body, **headers)).json()
        return str(reply["msg_cd"])

    assert await post(lenient, hashkey="wrong") == "APBK0013"
    assert await post(strict) == "EGW00208"
    assert await post(strict, custtype="P", hashkey="wrong") == "EGW00131"
    assert await post(strict, custtype="P", **{"content-type": "text/plain"}) == "EGW00132"
    assert await post(strict, custtype="P", hashkey=right) == "APBK0013"


async def test_the_ledgers_own_limit_counts_everybodys_account_calls_and_no_quotations() -> None:
    client = Client(a_simulation(ledger_limit=2))

    codes = [await code_of(client, "/trading/inquire-balance", "TTTC8434R", BALANCE) for _ in range(3)]

    assert codes == [(200, "KIOK0510"), (200, "KIOK0510"), (500, "EGW00215")]
    assert await code_of(client, "/quotations/inquire-price", "FHKST01010100", STOCK) == (200, "MCA00000")


async def test_a_busy_ledger_can_be_asked_for() -> None:
    client = Client(a_simulation())
    client.simulation.add_fault(kind="ledger_busy", path="inquire-balance")

    codes = [await code_of(client, "/trading/inquire-balance", "TTTC8434R", BALANCE) for _ in range(2)]

    assert codes == [(500, "EGW00215"), (200, "KIOK0510")]


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_maintenance_window_answers_with_html_only_between_its_times(status: int) -> None:
    client = Client(a_simulation())
    window = {"since": "2026-11-23 12:00:00", "until": "2026-11-23 12:30:00"}
    client.simulation.add_fault(kind="http_error", status=status, count=0, **window)
    seen = []

    for at in ("11:59:59", "12:00:00", "12:29:59", "12:30:00"):
        Day(client.simulation).reaches(f"2026-11-23 {at}")
        reply = await client.get("/quotations/inquire-price", "FHKST01010100", STOCK)
        seen.append((reply.status_code, reply.content.startswith(b"<html>")))

    assert seen == [(200, False), (status, True), (status, True), (200, False)]


async def test_a_window_without_a_time_is_refused() -> None:
    reply = await Client(a_simulation()).control("/faults", {"kind": "http_error", "since": "noon"})

    assert "not a fault rule" in reply["error"]


async def test_a_lagging_balance_hides_the_newest_fills_and_nothing_else() -> None:
    client = Client(a_simulation())
    day = Day(client.simulation)
    day.buys(10)
    day.passes(seconds=60)
    day.buys(5)
    client.simulation.add_fault(kind="lag_balance", seconds=30, count=1)

    lagging, later = [
        (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"] for _ in range(2)
    ]

    assert [[row["hldg_qty"] for row in rows] for rows in (lagging, later)] == [["10"], ["15"]]
    assert client.simulation.engine.account(ACCOUNT).holdings[SAMSUNG].quantity == 15


async def test_papers_empty_order_list_comes_with_sums() -> None:
    client = Client(a_simulation(environment="paper"))
    await client.post("/trading/order-cash", "VTTC0012U", an_order(7))
    client.simulation.add_fault(kind="empty_orders", count=1)

    body = (await client.get("/trading/inquire-daily-ccld", "VTTC0081R", ORDER_LIST)).json()

    assert (body["rt_cd"], body["msg_cd"], body["output1"]) == ("0", "70070000", [])
    assert body["output2"]["tot_ccld_qty"] == "7"


async def test_an_accepted_order_can_be_thrown_out_by_the_exchange(tmp_path: Path) -> None:
    client = Client(a_simulation(journal=tmp_path))
    client.simulation.add_fault(kind="reject_later", count=1)

    accepted = (await client.post("/trading/order-cash", "TTTC0012U", an_order(7))).json()
    row = (await client.get("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)).json()["output1"][0]

    assert (accepted["rt_cd"], row["odno"]) == ("0", accepted["output"]["ODNO"])
    assert (row["rjct_qty"], row["rmn_qty"], row["tot_ccld_qty"], row["cncl_yn"]) == ("7", "0", "0", "N")
    assert client.simulation.engine.account(ACCOUNT).free_cash == 100_000_000
    client.simulation.close()
    again = a_simulation(journal=tmp_path).engine.account(ACCOUNT).orders[0]
    assert (again.rejected, again.remaining) == (7, 0)


async def test_paper_does_not_trade_penny_stocks() -> None:
    client = Client(a_simulation(environment="paper"))
    client.simulation.force_price("001470", 990)

    reply = (await client.post("/trading/order-cash", "VTTC0012U", an_order(1, symbol="001470"))).json()

    assert (reply["rt_cd"], reply["msg_cd"]) == ("1", "40070000")
