"""Section 3: prices, books and recent trades."""

from typing import Final

from tools.conformance.asking import expect, expect_fields
from tools.conformance.checks.fields import BOOK_FIELDS, EXPECTED_FIELDS, MULTI_FIELDS, PRICE_FIELDS, TRADE_FIELDS
from tools.conformance.fact import REAL, Need, fact
from tools.conformance.kis import Kis, Reply

SYMBOL: Final = "005930"
UNKNOWN: Final = "999999"
STOCK: Final = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SYMBOL}
_TICKS: Final = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500))
_LARGEST_TICK: Final = 1_000


def tick_at(price: int) -> int:
    """Return KRX's tick in won at a price in won."""
    return next((tick for below, tick in _TICKS if price < below), _LARGEST_TICK)


async def ask_price(kis: Kis, symbol: str = SYMBOL, **headers: str) -> Reply:
    """Ask inquire-price afresh."""
    query = STOCK | {"FID_INPUT_ISCD": symbol}
    return await kis.get("/quotations/inquire-price", "FHKST01010100", query, **headers)


async def price(kis: Kis) -> Reply:
    """Return the conversation's one reply of inquire-price."""
    return await kis.once("price", lambda: ask_price(kis))


async def book(kis: Kis) -> Reply:
    """Return the conversation's one order book."""
    path, tr_id = "/quotations/inquire-asking-price-exp-ccn", "FHKST01010200"
    return await kis.once("book", lambda: kis.get(path, tr_id, STOCK))


@fact("3.1", "O C T")
async def a_price_has_its_fields(kis: Kis) -> None:
    """inquire-price answers one object with the price, volume, order-rule, status, issuer and history fields."""
    expect_fields((await price(kis)).output, PRICE_FIELDS)


@fact("3.1", "C T")
async def no_number_of_a_price_is_blank(kis: Kis) -> None:
    """The fields that python-kis reads as numbers are never blank."""
    output = (await price(kis)).output

    for name in (
        "stck_prpr",
        "prdy_vrss",
        "prdy_vrss_vol_rate",
        "acml_vol",
        "hts_avls",
        "aspr_unit",
        "eps",
        "bps",
        "per",
    ):
        float(output[name])


@fact("3.1", "O")
async def a_price_has_no_name(kis: Kis) -> None:
    """inquire-price does not carry the stock's Korean name."""
    expect("hts_kor_isnm" not in (await price(kis)).output, "hts_kor_isnm is there")


@fact("3.1", "M")
async def an_unknown_stock_has_price_zero(kis: Kis) -> None:
    """An unknown symbol is no error: HTTP 200, rt_cd 0, stck_prpr 0."""
    reply = await ask_price(kis, UNKNOWN)

    expect(reply.is_success and reply.output["stck_prpr"] == "0", reply)


@fact("3.1", "O")
async def the_tick_is_krx_tick(kis: Kis) -> None:
    """aspr_unit is the tick of KRX's table at the current price."""
    output = (await price(kis)).output

    current, tick = int(output["stck_prpr"]), int(output["aspr_unit"])
    expect(tick == tick_at(current), f"{tick} at {current}")


@fact("3.1", "O")
async def the_limits_lie_30_percent_away(kis: Kis) -> None:
    """stck_mxpr and stck_llam lie 30 % from stck_sdpr, cut to the tick."""
    output = (await price(kis)).output

    reference, upper, lower = (int(output[name]) for name in ("stck_sdpr", "stck_mxpr", "stck_llam"))
    close = all(abs(limit - reference) <= reference * 3 // 10 for limit in (upper, lower))
    wide = min(upper - reference, reference - lower) > reference * 3 // 10 - 2 * _LARGEST_TICK
    expect(
        close and wide and upper % tick_at(upper) == 0 and lower % tick_at(lower) == 0, f"{lower} {reference} {upper}"
    )


@fact("3", "O")
async def a_change_agrees_with_its_sign(kis: Kis) -> None:
    """prdy_vrss carries its minus sign, and prdy_vrss_sign is 1 or 2 up, 3 flat, 4 or 5 down."""
    output = (await price(kis)).output

    change, sign = int(output["prdy_vrss"]), output["prdy_vrss_sign"]
    wanted = "12" if change > 0 else "45" if change < 0 else "3"
    expect(sign in tuple(wanted), f"{change} with sign {sign}")


@fact("3.2", "O")
async def a_book_has_its_fields(kis: Kis) -> None:
    """The order book is two objects: ten levels a side with sizes and changes, and the expected match."""
    body = (await book(kis)).body

    expect_fields(body["output1"], BOOK_FIELDS)
    expect_fields(body["output2"], EXPECTED_FIELDS)


@fact("3.2", "O", Need.SESSION)
async def a_book_rises_from_bid_to_ask(kis: Kis) -> None:
    """Asks rise and bids fall from level 1 on, and the best ask lies above the best bid."""
    output = (await book(kis)).body["output1"]

    asks, bids = ([int(output[f"{side}{level}"]) for level in range(1, 11)] for side in ("askp", "bidp"))
    asks, bids = [ask for ask in asks if ask], [bid for bid in bids if bid]
    expect(asks == sorted(set(asks)) and bids == sorted(set(bids), reverse=True), f"{asks} {bids}")
    expect(not asks or not bids or asks[0] > bids[0], f"{asks[0]} {bids[0]}")


@fact("3.2", "O M", Need.SESSION)
async def the_session_has_a_code(kis: Kis) -> None:
    """In the regular session new_mkop_cls_code is 20 and antc_mkop_cls_code 112."""
    body = (await book(kis)).body

    codes = body["output1"]["new_mkop_cls_code"], body["output2"]["antc_mkop_cls_code"]
    expect(codes == ("20", "112"), codes)


@fact("3.3", "O")
async def recent_trades_come_newest_first(kis: Kis) -> None:
    """inquire-ccnl answers an array of at most 30 trades, newest first."""
    rows = (await kis.get("/quotations/inquire-ccnl", "FHKST01010300", STOCK)).rows()

    times = [row["stck_cntg_hour"] for row in rows]
    expect(len(rows) <= 30 and times == sorted(times, reverse=True), f"{len(rows)} rows, {times}")
    for row in rows[:1]:
        expect_fields(row, TRADE_FIELDS)


@fact("3.6", "O", only=REAL)
async def thirty_stocks_come_in_one_call(kis: Kis) -> None:
    """intstock-multprice answers one row for each symbol asked; an unknown one has price 0."""
    symbols = (SYMBOL, "000660", UNKNOWN)
    query: dict[str, str] = {}
    for place, symbol in enumerate(symbols, 1):
        query |= {f"FID_COND_MRKT_DIV_CODE_{place}": "J", f"FID_INPUT_ISCD_{place}": symbol}

    rows = (await kis.get("/quotations/intstock-multprice", "FHKST11300006", query)).rows()

    found = {row["inter_shrn_iscd"]: row for row in rows}
    expect_fields(rows[0], MULTI_FIELDS)
    expect(set(found) == set(symbols) and found[UNKNOWN]["inter2_prpr"] == "0", sorted(found))
