"""The real and the paper service over one market: separate keys, limits, TR ids and accounts; shared prices."""

from pathlib import Path

import httpx
import pytest

from tests.simulator.market_day import ACCOUNT, BALANCE, KEY, SAMSUNG, SECRET, TRADING, Day, a_simulation, an_order
from tests.simulator.streaming import a_listener, a_venue
from tests.simulator.test_process import running

PAPER_KEY = "p" * 36
OTHER_ACCOUNT = TRADING | {"CANO": "87654321"}
STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


async def test_each_service_knows_its_own_tr_ids_and_both_see_one_market() -> None:
    async with a_venue() as venue:
        real = await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK)
        paper = await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK, PAPER_KEY, paper=True)
        wrong = await venue.get("/trading/inquire-balance", "TTTC8434R", BALANCE, PAPER_KEY, paper=True)
        right = await venue.get("/trading/inquire-balance", "VTTC8434R", BALANCE, PAPER_KEY, paper=True)

    assert real["output"] == paper["output"]
    assert (wrong["msg_cd"], right["rt_cd"]) == ("EGW02006", "0")


async def test_an_app_key_belongs_to_one_service() -> None:
    async with a_venue() as venue:
        headers = await venue.headers(KEY)
        body = {"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET}

        token = await venue.http.post(f"{venue.url(paper=True)}/oauth2/tokenP", json=body)
        price = await venue.http.get(
            f"{venue.url(paper=True)}/uapi/domestic-stock/v1/quotations/inquire-price",
            params=STOCK,
            headers=headers | {"tr_id": "FHKST01010100"},
        )

    assert (token.status_code, token.json()["error_code"]) == (403, "EGW00103")
    assert (price.status_code, price.json()["msg_cd"]) == (500, "EGW02006")


async def test_an_account_belongs_to_the_service_that_used_it_first() -> None:
    async with a_venue() as venue:
        await venue.post("/trading/order-cash", "TTTC0012U", an_order(3))
        foreign = await venue.post("/trading/order-cash", "VTTC0012U", an_order(3), PAPER_KEY, paper=True)
        own = await venue.post("/trading/order-cash", "VTTC0012U", an_order(3) | OTHER_ACCOUNT, PAPER_KEY, paper=True)

    assert (foreign["rt_cd"], foreign["msg_cd"]) == ("2", "OPSQ2000")
    assert (own["msg_cd"], own["output"]["KRX_FWDG_ORD_ORGNO"]) == ("40600000", "00950")


async def test_each_service_counts_its_own_calls() -> None:
    async with a_venue(paper_rate_limit=1) as venue:
        await venue.headers(PAPER_KEY, paper=True)
        answers = [
            await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK, PAPER_KEY, paper=True)
            for _ in range(2)
        ]
        status = (await venue.http.get(f"{venue.url()}/control/status")).json()

    assert [answer["msg_cd"] for answer in answers] == ["MCA00000", "EGW00201"]
    assert status["services"]["paper"]["calls"]["refused"] > 0
    assert status["services"]["real"]["calls"]["total"] == 0


async def test_an_approval_key_is_worth_nothing_at_the_other_service() -> None:
    async with a_venue() as venue, await a_listener(venue, paper=True) as listener:
        listener.approval = await venue.approval("r" * 36)

        assert (await listener.asks("H0STCNT0", SAMSUNG))["msg_cd"] == "OPSP0011"


@pytest.mark.parametrize("tr_id", ["H0STCNI0", "H0STMKO0", "H0STANC0", "H0UNCNT0"])
async def test_paper_knows_no_real_topics(tr_id: str) -> None:
    async with a_venue() as venue, await a_listener(venue, paper=True) as listener:
        assert (await listener.asks(tr_id, SAMSUNG))["msg_cd"] == "OPSP8991"


async def test_a_fault_can_be_meant_for_one_service() -> None:
    async with a_venue() as venue:
        await venue.control("/faults", {"kind": "rate_storm", "environment": "paper"})
        real = await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK)
        paper = await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK, PAPER_KEY, paper=True)

    assert (real["msg_cd"], paper["msg_cd"]) == ("MCA00000", "EGW00201")


def test_a_process_serves_both_services_on_four_ports() -> None:
    ports = ("--stream-port", "0", "--paper-port", "0", "--paper-stream-port", "0", "--approval-interval", "0")
    with running(*ports, "--clock", "2026-11-23 09:10:00") as (process, url):
        assert process.stdout is not None
        others = [process.stdout.readline().split(" ready on ") for _ in range(3)]
        body = {"appkey": KEY, "secretkey": SECRET}
        keys = [httpx.post(f"{at}/oauth2/Approval", json=body) for at in (url, others[1][1].strip())]

    assert [name for name, _ in others] == ["simulator", "paper simulator", "paper simulator"]
    assert [at.partition(":")[0] for _, at in others] == ["ws", "http", "ws"]
    assert keys[0].json() == keys[1].json() != {}


def test_who_owns_an_account_survives_a_restart(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path)
    assert first.use_account(ACCOUNT, "paper", PAPER_KEY)
    Day(first).buys(3)
    first.close()

    second = a_simulation(journal=tmp_path)

    assert not second.use_account(ACCOUNT, "real", KEY)
    assert second.owners.is_tied(ACCOUNT, "paper", PAPER_KEY)
