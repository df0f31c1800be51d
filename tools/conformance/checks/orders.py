"""Sections 4 and 5: orders. One share, limit price at the day's lower limit, cancelled at once; only when asked for."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.accounts import ask_orders
from tools.conformance.checks.quotations import SYMBOL, UNKNOWN, price, tick_at
from tools.conformance.fact import Need, fact
from tools.conformance.kis import Kis, Reply

_ORDER: Final = "/trading/order-cash"
_CHANGE: Final = "/trading/order-rvsecncl"
_BUY, _OLD_BUY, _SELL = "TTTC0012U", "TTTC0802U", "TTTC0011U"
_CANCEL, _OLD_CANCEL = "TTTC0013U", "TTTC0803U"
_ASKED: Final = (Need.ORDERS, Need.SESSION)
_TEN_DIGITS = re.compile(r"\d{10}")
_SETTLING_READS: Final = 4


async def _far_away(kis: Kis) -> int:
    """Return the lower price limit of today in won: no order there trades on any day but the worst."""
    return int((await price(kis)).output["stck_llam"])


async def _six_keys(kis: Kis, **changed: str) -> dict[str, str]:
    order = {"PDNO": SYMBOL, "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": str(await _far_away(kis))}
    return kis.account | order | changed


async def _nine_keys(kis: Kis, **changed: str) -> dict[str, str]:
    more = {"SLL_TYPE": "", "CNDT_PRIC": "", "EXCG_ID_DVSN_CD": "KRX"}
    return await _six_keys(kis) | more | changed


async def _place(kis: Kis, body: dict[str, Any], tr_id: str = _BUY, **headers: str) -> Reply:
    """Send an order; one that was accepted is remembered until it is cancelled."""
    reply = await kis.post(_ORDER, kis.tr(tr_id), body, **headers)
    if reply.is_success:
        kis.working.append((reply.output["ODNO"], reply.output["KRX_FWDG_ORD_ORGNO"]))
    return reply


async def _change(kis: Kis, number: str, branch: str, tr_id: str = _CANCEL, **asked: str) -> Reply:
    """Send a cancel of the whole rest in the way of python-kis, or what ``asked`` makes of it."""
    body = kis.account | {
        "KRX_FWDG_ORD_ORGNO": branch,
        "ORGN_ODNO": number,
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
    }
    reply = await kis.post(_CHANGE, kis.tr(tr_id), body | asked)
    if reply.is_success:
        kis.working[:] = [order for order in kis.working if order[0] != number]
    return reply


async def cancel_what_is_left(kis: Kis) -> list[str]:
    """Cancel every order of this conversation that still works; return the numbers that could not be cancelled."""
    left = []
    for number, branch in list(kis.working):
        try:
            reply = await _change(kis, number, branch)
        except CannotAskError:
            left.append(number)
            continue
        if not reply.is_success:
            left.append(number)
    return left


async def _placed(kis: Kis, name: str, place: Callable[[], Awaitable[Reply]]) -> Reply:
    reply = await kis.once(name, place)
    if not reply.is_success:
        raise CannotAskError(f"the order was refused: {reply}")
    return reply


async def first_order(kis: Kis) -> Reply:
    """Return the reply of the conversation's first order, nine keys and a new TR id."""

    async def place() -> Reply:
        return await _place(kis, await _nine_keys(kis))

    return await _placed(kis, "first order", place)


async def cancel_first_order(kis: Kis) -> Reply:
    """Return the reply of the first order's cancellation, after which its number is dead."""
    output = (await first_order(kis)).output
    return await kis.once("cancel", lambda: _change(kis, output["ODNO"], output["KRX_FWDG_ORD_ORGNO"]))


async def _row(kis: Kis, number: str) -> dict[str, str]:
    """Return an order's row of the list, which may lag."""
    for _ in range(_SETTLING_READS):
        rows = (await ask_orders(kis, ODNO=number)).rows("output1")
        found = [row for row in rows if row["odno"].strip().lstrip("0") == number.lstrip("0")]
        if found:
            expect(len(found) == 1, f"{len(found)} rows for one number")
            return found[0]
    raise CannotAskError("the order is not in inquire-daily-ccld yet")


@fact("4.1", "O", *_ASKED)
async def an_accepted_order_is_an_object_in_upper_case(kis: Kis) -> None:
    """An order answers one object: ODNO of 10 digits, KRX_FWDG_ORD_ORGNO of 5, ORD_TMD of 6, and no order date."""
    output = (await first_order(kis)).output

    lengths = {name: len(str(output.get(name, "")).strip()) for name in ("ODNO", "KRX_FWDG_ORD_ORGNO", "ORD_TMD")}
    expect(lengths == {"ODNO": 10, "KRX_FWDG_ORD_ORGNO": 5, "ORD_TMD": 6}, output)
    expect(_TEN_DIGITS.fullmatch(output["ODNO"]) is not None and "ORD_DT" not in output, output)


@fact("1.4", "O M", *_ASKED)
async def an_accepted_buy_has_its_code(kis: Kis) -> None:
    """An accepted buy answers APBK0013 on the real service, 40600000 on paper."""
    code = (await first_order(kis)).code

    expect(code == ("40600000" if kis.is_paper else "APBK0013"), code)


@fact("4.7", "O M", *_ASKED)
async def an_order_is_one_row(kis: Kis) -> None:
    """An order is one row of inquire-daily-ccld: branch as in the reply, quantity, price, remaining, nothing filled."""
    output = (await _placed(kis, "resting order", lambda: _place_nine(kis))).output
    row = await _row(kis, output["ODNO"])

    wanted = {"ord_gno_brno": output["KRX_FWDG_ORD_ORGNO"], "ord_qty": "1", "tot_ccld_qty": "0", "rmn_qty": "1"}
    wanted |= {"pdno": SYMBOL, "sll_buy_dvsn_cd": "02", "ord_dvsn_cd": "00", "ord_tmd": output["ORD_TMD"]}
    seen = {name: row.get(name) for name in wanted}
    expect(seen == wanted, seen)
    expect(float(row["ord_unpr"]) == await _far_away(kis), row["ord_unpr"])
    expect(not row["orgn_odno"].strip("0 "), row["orgn_odno"])
    await _change(kis, output["ODNO"], output["KRX_FWDG_ORD_ORGNO"])


@fact("4.2", "O T", *_ASKED)
async def a_cancel_has_a_number_of_its_own(kis: Kis) -> None:
    """A cancel with QTY_ALL_ORD_YN Y and ORD_QTY and ORD_UNPR 0 is accepted under a new ODNO."""
    reply = await cancel_first_order(kis)

    expect(reply.is_success, reply)
    numbers = reply.output["ODNO"], (await first_order(kis)).output["ODNO"]
    expect(numbers[0] != numbers[1], numbers)


@fact("4.7", "-", *_ASKED)
async def a_cancelled_order_has_nothing_left(kis: Kis) -> None:
    """After the cancel the original has rmn_qty 0; the cancel is a row of its own that names it in orgn_odno."""
    cancel = await cancel_first_order(kis)
    original = (await first_order(kis)).output["ODNO"]

    first, second = await _row(kis, original), await _row(kis, cancel.output["ODNO"])

    names = ("cncl_yn", "rmn_qty", "tot_ccld_qty", "ord_unpr", "orgn_odno")
    seen = [{name: row.get(name) for name in names} for row in (first, second)]
    expect(first["rmn_qty"] == "0" and second["orgn_odno"].lstrip("0") == original.lstrip("0"), seen)


@fact("4.2", "M", *_ASKED)
async def a_second_cancel_is_refused(kis: Kis) -> None:
    """Cancelling a cancelled order: HTTP 200, rt_cd 1 (paper: 40330000)."""
    await cancel_first_order(kis)
    output = (await first_order(kis)).output

    reply = await _change(kis, output["ODNO"], output["KRX_FWDG_ORD_ORGNO"])

    expect(reply.status == 200 and reply.body.get("rt_cd") not in (None, "0"), reply)
    expect(not kis.is_paper or reply.code == "40330000", reply)


@fact("4.1", "C T", *_ASKED)
async def six_keys_and_old_ids_are_enough(kis: Kis) -> None:
    """An order with six keys under an old TR id, and its cancel under an old one, are accepted (python-kis, mojito)."""
    reply = await _place(kis, await _six_keys(kis), _OLD_BUY)
    expect(reply.is_success, reply)

    cancel = await _change(kis, reply.output["ODNO"], reply.output["KRX_FWDG_ORD_ORGNO"], _OLD_CANCEL)

    expect(cancel.is_success, cancel)


@fact("4.2", "C T", *_ASKED)
async def mojito_hashes_and_cancels_at_100_won(kis: Kis) -> None:
    """An order with hashkey and personalseckey headers, cancelled with the quantity and ORD_UNPR 100, is accepted."""
    body = await _six_keys(kis)
    hashed = await kis.request("POST", "/uapi/hashkey", json=body, headers=kis.pair)
    reply = await _place(kis, body, _OLD_BUY, hashkey=hashed.body["HASH"], custtype="P", personalseckey="1")
    expect(reply.is_success, reply)

    output = reply.output
    asked = {"ORD_QTY": "1", "ORD_UNPR": "100"}
    cancel = await _change(kis, output["ODNO"], output["KRX_FWDG_ORD_ORGNO"], _OLD_CANCEL, **asked)

    expect(cancel.is_success, cancel)


@fact("4.2", "O", *_ASKED)
async def an_amended_order_goes_on_under_a_new_number(kis: Kis) -> None:
    """An amendment answers a new ODNO under which the order is then cancelled; its branch may be blank."""
    output = (await _placed(kis, "to amend", lambda: _place_nine(kis))).output
    higher = await _far_away(kis)
    higher += tick_at(higher)

    asked = {"RVSE_CNCL_DVSN_CD": "01", "ORD_QTY": "1", "ORD_UNPR": str(higher)}
    amended = await _change(kis, output["ODNO"], output["KRX_FWDG_ORD_ORGNO"], **asked)
    expect(amended.is_success and amended.output["ODNO"] != output["ODNO"], amended)
    kis.working.append((amended.output["ODNO"], output["KRX_FWDG_ORD_ORGNO"]))

    cancel = await _change(kis, amended.output["ODNO"], "")
    expect(cancel.is_success, cancel)


@fact("5.1", "O", *_ASKED)
async def two_equal_orders_are_two(kis: Kis) -> None:
    """Two identical order bodies are two orders with two numbers: the server knows no idempotency."""
    first, second = await _place_nine(kis), await _place_nine(kis)
    if not (first.is_success and second.is_success):
        raise CannotAskError(f"an order was refused: {first}; {second}")

    for reply in (first, second):
        await _change(kis, reply.output["ODNO"], reply.output["KRX_FWDG_ORD_ORGNO"])

    expect(first.output["ODNO"] != second.output["ODNO"], first.output["ODNO"])


@fact("4.1", "M", *_ASKED)
async def an_unknown_key_cannot_be_built(kis: Kis) -> None:
    """An order body with the unknown key ALGO: HTTP 500 IGW00007."""
    reply = await _place(kis, await _nine_keys(kis) | {"ALGO": "1"})

    expect(reply.status == 500 and reply.code == "IGW00007", reply)


@fact("4.1", "M", *_ASKED)
async def a_decimal_quantity_cannot_be_built(kis: Kis) -> None:
    """A quantity such as 1.00000000: HTTP 500 IGW00007."""
    reply = await _place(kis, await _nine_keys(kis, ORD_QTY="1.00000000"))

    expect(reply.status == 500 and reply.code == "IGW00007", reply)


@fact("1.2", "O", *_ASKED)
async def the_keys_of_a_body_are_upper_case(kis: Kis) -> None:
    """An order body with lower-case keys is refused."""
    body = {name.lower(): value for name, value in (await _nine_keys(kis)).items()}

    reply = await _place(kis, body)

    expect(not reply.is_success, reply)


@fact("6.2", "M", *_ASKED)
async def a_price_off_the_grid_is_refused_with_200(kis: Kis) -> None:
    """A limit price off the tick grid: HTTP 200, rt_cd 1 (paper: 40030000)."""
    reply = await _place(kis, await _nine_keys(kis, ORD_UNPR=str(await _far_away(kis) + 1)))

    expect(reply.status == 200 and reply.body.get("rt_cd") == "1", reply)
    expect(not kis.is_paper or reply.code == "40030000", reply)


@fact("6.2", "M", *_ASKED)
async def an_unknown_stock_is_refused_with_200(kis: Kis) -> None:
    """An order for an unknown stock: HTTP 200, rt_cd other than 0 (paper: 40070000)."""
    reply = await _place(kis, await _nine_keys(kis, PDNO=UNKNOWN))

    expect(reply.status == 200 and reply.body.get("rt_cd") != "0", reply)
    expect(not kis.is_paper or reply.code == "40070000", reply)


@fact("6.2", "M", *_ASKED)
async def more_than_is_held_cannot_be_sold(kis: Kis) -> None:
    """Selling more than any holding, at the upper limit: HTTP 200, rt_cd 1 (real: APBK0400, paper: 40240000)."""
    upper = (await price(kis)).output["stck_mxpr"]

    reply = await _place(kis, await _nine_keys(kis, ORD_QTY="999999", ORD_UNPR=upper), _SELL)

    expect(reply.status == 200 and reply.body.get("rt_cd") == "1", reply)
    expect(reply.code == ("40240000" if kis.is_paper else "APBK0400"), reply)


async def _place_nine(kis: Kis) -> Reply:
    return await _place(kis, await _nine_keys(kis))
