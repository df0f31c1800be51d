"""Sections 4 and 6: what is refused, with which HTTP status and code. Nothing here can place an order."""

from tools.conformance.asking import expect
from tools.conformance.checks.accounts import BALANCE
from tools.conformance.checks.quotations import STOCK, ask_price
from tools.conformance.fact import PAPER, REAL, fact
from tools.conformance.kis import Kis, Reply

_PRICE_PATH = "/quotations/inquire-price"
_REAL_ONLY = (
    ("/quotations/chk-holiday", "CTCA0903R", {"BASS_DT": "20261121", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}),
    ("/trading/inquire-psbl-rvsecncl", "TTTC0084R", {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}),
    ("/trading/inquire-psbl-sell", "TTTC8408R", {"PDNO": "005930"}),
)


@fact("6.3", "M")
async def an_unknown_token_is_egw00121(kis: Kis) -> None:
    """A token that was never issued: HTTP 500 EGW00121."""
    _expect(await ask_price(kis, authorization=f"Bearer {'x' * 64}"), 500, "EGW00121")


@fact("6.3", "O")
async def a_token_without_bearer_is_egw00205(kis: Kis) -> None:
    """An authorization without the word Bearer: HTTP 500 EGW00205."""
    _expect(await ask_price(kis, authorization=await kis.token()), 500, "EGW00205")


@fact("6.3", "M")
async def a_cut_secret_is_egw00304(kis: Kis) -> None:
    """A call with a cut app secret: HTTP 500 EGW00304."""
    _expect(await ask_price(kis, appsecret=kis.access.app_secret[:-1]), 500, "EGW00304")


@fact("6.3", "M")
async def an_unknown_tr_id_is_opsq0002(kis: Kis) -> None:
    """An unknown tr_id: OPSQ0002, rt_cd 1."""
    reply = await kis.get(_PRICE_PATH, "FHKST99999999", STOCK)

    expect(reply.code == "OPSQ0002" and reply.body.get("rt_cd") == "1", reply)


@fact("6.3", "M")
async def a_bad_account_is_opsq2000(kis: Kis) -> None:
    """An account number that is none: HTTP 200, rt_cd 2, OPSQ2000."""
    query = kis.account | BALANCE | {"CANO": "1234"}

    reply = await kis.get("/trading/inquire-balance", kis.tr("TTTC8434R"), query)

    _expect(reply, 200, "OPSQ2000")
    expect(reply.body.get("rt_cd") == "2", reply)


@fact("4", "O M", only=PAPER)
async def real_only_calls_are_refused_on_paper(kis: Kis) -> None:
    """chk-holiday, inquire-psbl-rvsecncl and inquire-psbl-sell on paper: HTTP 500 EGW02006."""
    for path, tr_id, query in _REAL_ONLY:
        pages = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
        _expect(await kis.get(path, tr_id, kis.account | pages | query), 500, "EGW02006")


@fact("4", "O M", only=PAPER)
async def a_real_ledger_id_is_refused_on_paper(kis: Kis) -> None:
    """A real TR id of a call that paper knows under its V name: HTTP 500 EGW02006."""
    _expect(await kis.get("/trading/inquire-balance", "TTTC8434R", kis.account | BALANCE), 500, "EGW02006")


@fact("4", "M", only=PAPER)
async def a_paper_id_that_does_not_exist_is_opsq0002(kis: Kis) -> None:
    """A V name of a call that paper does not have: OPSQ0002."""
    query = kis.account | {"CTX_AREA_FK100": "", "CTX_AREA_NK100": "", "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}

    reply = await kis.get("/trading/inquire-psbl-rvsecncl", "VTTC0084R", query)

    expect(reply.code == "OPSQ0002", reply)


@fact("6.3", "M", only=REAL)
async def a_paper_id_is_refused_on_the_real_service(kis: Kis) -> None:
    """A paper TR id on the real service: HTTP 500 EGW02004."""
    _expect(await kis.get("/trading/inquire-balance", "VTTC8434R", kis.account | BALANCE), 500, "EGW02004")


def _expect(reply: Reply, status: int, code: str) -> None:
    expect(reply.status == status and reply.code == code, reply)
