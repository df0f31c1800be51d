"""Section 4: balance, buying power and the lists of orders."""

from typing import Final

from tools.conformance.asking import expect, expect_fields
from tools.conformance.checks.fields import (
    CASH_FIELDS,
    HOLDING_FIELDS,
    OPEN_ORDER_FIELDS,
    ORDER_FIELDS,
    ORDER_TOTAL_FIELDS,
    POWER_FIELDS,
    SELLABLE_FIELDS,
)
from tools.conformance.checks.quotations import SYMBOL, price
from tools.conformance.clock import today
from tools.conformance.fact import REAL, fact
from tools.conformance.kis import Kis, Reply

PAGES: Final = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
BALANCE: Final = PAGES | {
    "AFHR_FLPR_YN": "N",
    "OFL_YN": "",
    "INQR_DVSN": "02",
    "UNPR_DVSN": "01",
    "FUND_STTL_ICLD_YN": "N",
    "FNCG_AMT_AUTO_RDPT_YN": "N",
    "PRCS_DVSN": "00",
}
_ORDER_LIST: Final = {
    "SLL_BUY_DVSN_CD": "00",
    "PDNO": "",
    "ORD_GNO_BRNO": "",
    "ODNO": "",
    "CCLD_DVSN": "00",
    "INQR_DVSN": "00",
    "INQR_DVSN_1": "",
    "INQR_DVSN_3": "00",
    "EXCG_ID_DVSN_CD": "KRX",
}


async def ask_orders(kis: Kis, page: Reply | None = None, tr_id: str = "TTTC0081R", **asked: str) -> Reply:
    """Ask today's orders; with a page, its keys are sent back. ``asked`` is ``tr_cont`` or query values."""
    day = await today(kis)
    keys = {f"CTX_AREA_{name}100": page.body[f"ctx_area_{name.lower()}100"] for name in ("FK", "NK")} if page else PAGES
    query = kis.account | _ORDER_LIST | {"INQR_STRT_DT": day, "INQR_END_DT": day} | keys
    query |= {name: value for name, value in asked.items() if name != "tr_cont"}
    headers = {"tr_cont": asked["tr_cont"]} if "tr_cont" in asked else {}
    return await kis.get("/trading/inquire-daily-ccld", kis.tr(tr_id), query, **headers)


async def balance(kis: Kis) -> Reply:
    """Return the conversation's one balance."""
    path = "/trading/inquire-balance"
    return await kis.once("balance", lambda: kis.get(path, kis.tr("TTTC8434R"), kis.account | BALANCE))


async def ask_power(kis: Kis, **asked: str) -> Reply:
    """Ask inquire-psbl-order."""
    query = kis.account | {
        "PDNO": SYMBOL,
        "ORD_UNPR": "",
        "ORD_DVSN": "01",
        "CMA_EVLU_AMT_ICLD_YN": "N",
        "OVRS_ICLD_YN": "N",
    }
    return await kis.get("/trading/inquire-psbl-order", kis.tr("TTTC8908R"), query | asked)


@fact("4.6", "O")
async def a_balance_has_rows_and_one_total(kis: Kis) -> None:
    """inquire-balance answers output1, an array of holdings, and output2, an array with one object."""
    reply = await balance(kis)

    totals = reply.rows("output2")
    expect(len(totals) == 1, f"{len(totals)} totals")
    expect_fields(totals[0], CASH_FIELDS)
    for row in reply.rows("output1")[:1]:
        expect_fields(row, HOLDING_FIELDS)


@fact("4.6", "O")
async def what_an_account_is_worth_adds_up(kis: Kis) -> None:
    """tot_evlu_amt is scts_evlu_amt plus prvs_rcdl_excc_amt, the cash of the day after tomorrow."""
    total = (await balance(kis)).rows("output2")[0]

    worth, securities, cash = (int(total[f"{name}_amt"]) for name in ("tot_evlu", "scts_evlu", "prvs_rcdl_excc"))
    expect(worth == securities + cash, f"{worth} is not {securities} + {cash}")


@fact("4.7", "O")
async def an_order_list_has_rows_and_one_total(kis: Kis) -> None:
    """inquire-daily-ccld answers output1, an array of orders, and output2, one object; both in lower case."""
    reply = await ask_orders(kis)

    expect_fields(reply.body["output2"], ORDER_TOTAL_FIELDS)
    for row in reply.rows("output1")[:1]:
        expect_fields(row, ORDER_FIELDS)
        expect({"cnc_cfrm_qty", "cncl_cfrm_qty"} & set(row) != set(), "no cnc_cfrm_qty")
        expect({"excg_id_dvsn_Cd", "excg_id_dvsn_cd"} & set(row) != set(), "no excg_id_dvsn_Cd")


@fact("4", "O C T")
async def old_and_new_ids_ask_the_same_list(kis: Kis) -> None:
    """inquire-daily-ccld answers to TTTC8001R (VTTC8001R) as to TTTC0081R (VTTC0081R)."""
    new, old = await ask_orders(kis), await ask_orders(kis, tr_id="TTTC8001R")

    counts = [len(reply.rows("output1")) for reply in (new, old)]
    expect(old.body["rt_cd"] == new.body["rt_cd"] == "0" and counts[0] == counts[1], f"{counts} rows, {old.code}")


@fact("4.7", "O C")
async def an_order_has_a_venue_in_the_table(kis: Kis) -> None:
    """excg_dvsn_cd of a KRX order is 02 (KOSPI) or 03 (KOSDAQ); python-kis knows no blank one."""
    for row in (await ask_orders(kis)).rows("output1"):
        expect(row["excg_dvsn_cd"] in ("02", "03"), row["excg_dvsn_cd"])


@fact("4.3", "O")
async def buying_power_has_its_fields(kis: Kis) -> None:
    """inquire-psbl-order answers one object; max_buy_amt counts unpaid margin and is not below nrcvb_buy_amt."""
    output = (await ask_power(kis)).output

    expect_fields(output, POWER_FIELDS)
    amounts = int(output["max_buy_amt"]), int(output["nrcvb_buy_amt"])
    expect(amounts[0] >= amounts[1], amounts)


@fact("4.3", "O")
async def a_market_order_is_counted_at_the_upper_limit(kis: Kis) -> None:
    """For ORD_DVSN 01 psbl_qty_calc_unpr is the upper limit price."""
    counted, upper = (await ask_power(kis)).output["psbl_qty_calc_unpr"], (await price(kis)).output["stck_mxpr"]

    expect(counted == upper, f"{counted}, upper limit {upper}")


@fact("4.3", "O")
async def buying_power_without_a_stock_is_the_amount(kis: Kis) -> None:
    """With PDNO and ORD_UNPR blank inquire-psbl-order answers the amounts only."""
    reply = await ask_power(kis, PDNO="", ORD_UNPR="")

    expect(reply.is_success and int(reply.output["ord_psbl_cash"]) >= 0, reply)
    expect(int(reply.output["nrcvb_buy_qty"]) == 0, reply.output["nrcvb_buy_qty"])


@fact("4.3", "C T")
async def mojito_asks_buying_power_with_ones(kis: Kis) -> None:
    """CMA_EVLU_AMT_ICLD_YN and OVRS_ICLD_YN are taken as 1 too."""
    reply = await ask_power(kis, CMA_EVLU_AMT_ICLD_YN="1", OVRS_ICLD_YN="1")

    expect(reply.is_success, reply)


@fact("4.4", "O", only=REAL)
async def sellable_is_an_object_under_output(kis: Kis) -> None:
    """inquire-psbl-sell answers one object under output, not output1."""
    reply = await kis.get("/trading/inquire-psbl-sell", "TTTC8408R", kis.account | {"PDNO": SYMBOL})

    expect_fields(reply.output, SELLABLE_FIELDS)


@fact("4.5", "O C", only=REAL)
async def open_orders_are_under_output(kis: Kis) -> None:
    """inquire-psbl-rvsecncl answers an array under output, with the old id TTTC8036R too, and no order date."""
    query = kis.account | PAGES | {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}

    for tr_id in ("TTTC0084R", "TTTC8036R"):
        for row in (await kis.get("/trading/inquire-psbl-rvsecncl", tr_id, query)).rows()[:1]:
            expect_fields(row, OPEN_ORDER_FIELDS)
            expect("ord_dt" not in row, "ord_dt is there")
