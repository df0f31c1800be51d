"""From KIS's market data to our types."""

import httpx
import pytest

from broker.kis import KisBroker
from domain.errors import BrokerProtocolError, BrokerRefusedError
from domain.lane import Lane
from domain.market import BookLevel, Market, Symbol, TradingFlag
from domain.money import Price, Quantity
from domain.tick_size import PriceLimits
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, a_many_row, a_price_row, success

HYNIX = Symbol("000660")
HEAD = {
    "stck_mxpr": "91100",
    "stck_llam": "49100",
    "stck_prdy_clpr": "70100",
    "stck_prdy_hgpr": "70900",
    "stck_prdy_lwpr": "69500",
    "prdy_vol": "1234",
}


def a_bar(day: str, close: str) -> dict[str, str]:
    return {"stck_bsop_date": day, "stck_clpr": close, "stck_hgpr": "71000", "stck_lwpr": "69000", "acml_vol": "5"}


def a_book(**changes: str) -> dict[str, str]:
    sides = {f"{side}{depth}": "0" for side in ("askp", "bidp", "askp_rsqn", "bidp_rsqn") for depth in range(1, 11)}
    best = {"askp1": "70600", "askp_rsqn1": "120", "askp2": "70700", "askp_rsqn2": "8", "bidp1": "70500"}
    return sides | best | {"bidp_rsqn1": "340", "aspr_acpt_hour": "120001"} | changes


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, set()),
        ({"vi_cls_code": "0"}, set()),
        ({"vi_cls_code": ""}, set()),
        ({"iscd_stat_cls_code": "54"}, set()),
        ({"mrkt_warn_cls_code": "01"}, set()),
        ({"iscd_stat_cls_code": "51"}, {TradingFlag.ADMINISTRATIVE}),
        ({"iscd_stat_cls_code": "52"}, {TradingFlag.WARNED}),
        ({"iscd_stat_cls_code": "53"}, {TradingFlag.WARNED}),
        ({"iscd_stat_cls_code": "58"}, {TradingFlag.HALTED}),
        ({"iscd_stat_cls_code": "59"}, {TradingFlag.OVERHEATED}),
        ({"temp_stop_yn": "Y"}, {TradingFlag.HALTED}),
        ({"vi_cls_code": "Y"}, {TradingFlag.VOLATILITY_INTERRUPTION}),
        ({"mrkt_warn_cls_code": "02"}, {TradingFlag.WARNED}),
        ({"mrkt_warn_cls_code": "03"}, {TradingFlag.WARNED}),
        ({"invt_caful_yn": "Y"}, {TradingFlag.WARNED}),
        ({"short_over_yn": "Y"}, {TradingFlag.OVERHEATED}),
        ({"sltr_yn": "Y"}, {TradingFlag.LIQUIDATION_TRADING}),
        ({"mang_issu_cls_code": "Y"}, {TradingFlag.ADMINISTRATIVE}),
    ],
)
async def test_each_sign_of_trouble_becomes_its_flag(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str], flags: set[TradingFlag]
) -> None:
    kis.answers("inquire-price", success(output=a_price_row(**changes)))

    status = await broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert status.flags == flags


@pytest.mark.parametrize("field", ["temp_stop_yn", "vi_cls_code", "iscd_stat_cls_code", "sltr_yn"])
async def test_a_missing_flag_is_not_taken_for_health(broker: KisBroker, kis: ScriptedKis, field: str) -> None:
    row = a_price_row()
    del row[field]
    kis.answers("inquire-price", success(output=row))

    with pytest.raises(BrokerProtocolError, match=field):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("KOSPI200", Market.KOSPI),
        ("KOSPI", Market.KOSPI),
        ("코스피", Market.KOSPI),
        ("KOSDAQ", Market.KOSDAQ),
        ("KSQ150", Market.KOSDAQ),
    ],
)
async def test_the_board_is_read_from_the_index_name(
    broker: KisBroker, kis: ScriptedKis, name: str, market: Market
) -> None:
    kis.answers("inquire-price", success(output=a_price_row(rprs_mrkt_kor_name=name)))

    assert (await broker.instrument_status(SAMSUNG, Lane.SCAN)).market is market


@pytest.mark.parametrize("name", ["", "KONEX"])
async def test_a_stock_on_no_board_of_ours_is_refused(broker: KisBroker, kis: ScriptedKis, name: str) -> None:
    kis.answers("inquire-price", success(output=a_price_row(rprs_mrkt_kor_name=name)))

    with pytest.raises(BrokerRefusedError, match="NO_BOARD"):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)


async def test_an_unknown_stock_is_refused_and_not_taken_for_a_broken_reply(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    kis.answers("inquire-price", success(output={"stck_prpr": "0", "stck_oprc": "0"}), success(output={}))
    kis.answers("inquire-asking-price-exp-ccn", success(output1={}, output2={}))

    for _ in range(2):
        with pytest.raises(BrokerRefusedError, match="NO_SUCH_STOCK"):
            await broker.instrument_status(SAMSUNG, Lane.SCAN)
    with pytest.raises(BrokerRefusedError, match="NO_SUCH_STOCK"):
        await broker.order_book(SAMSUNG, Lane.SCAN)


async def test_stocks_without_a_price_have_no_quote(broker: KisBroker, kis: ScriptedKis) -> None:
    rows = [a_many_row("005930"), a_many_row("000660", inter2_prpr="0"), {}, a_many_row("111111")]
    kis.answers("intstock-multprice", success(output=rows))

    quotes = await broker.quotes([SAMSUNG, Symbol("000660")], Lane.WATCH)

    assert list(quotes) == [SAMSUNG]
    assert quotes[SAMSUNG].limits == PriceLimits(Price(49_100), Price(91_100))


async def test_blank_prices_are_none(broker: KisBroker, kis: ScriptedKis) -> None:
    row = a_many_row(inter2_askp="", inter2_bidp=" ", inter2_mxpr="", inter2_oprc="")
    kis.answers("intstock-multprice", success(output=row))

    quote = (await broker.quotes([SAMSUNG], Lane.WATCH))[SAMSUNG]

    assert (quote.ask, quote.bid, quote.open_price, quote.limits) == (0, 0, 0, None)


ODD = ["-70500", "70.5", "NaN", "Infinity", "1e5", "٧٠٥٠٠", "9" * 30, "x", True, []]


@pytest.mark.parametrize("lane", [Lane.SCAN, Lane.WATCH])
@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["inter2_bidp", "acml_vol", "inter2_hgpr", "inter2_mxpr", "inter2_oprc"])
async def test_an_odd_field_is_named_and_the_price_is_kept(
    broker: KisBroker, kis: ScriptedKis, field: str, value: object, lane: Lane
) -> None:
    kis.answers("intstock-multprice", success(output=[{**a_many_row(), field: value}, a_many_row("000660")]))

    quotes = await broker.quotes([SAMSUNG, HYNIX], lane)

    assert {symbol: quote.price for symbol, quote in quotes.items()} == {SAMSUNG: 70_500, HYNIX: 70_500}
    assert quotes[SAMSUNG].unreadable == (field,)
    assert quotes[SAMSUNG].shows_book is (field != "inter2_bidp")
    assert quotes[HYNIX].unreadable == ()


@pytest.mark.parametrize("field", ["inter2_oprc", "acml_vol", "inter2_llam"])
async def test_a_field_that_is_gone_is_named(broker: KisBroker, kis: ScriptedKis, field: str) -> None:
    row = a_many_row()
    del row[field]
    kis.answers("intstock-multprice", success(output=[row]))

    assert (await broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG].unreadable == (field,)


@pytest.mark.parametrize("value", ODD)
async def test_a_price_that_is_no_price_costs_a_scan_only_that_stock(
    broker: KisBroker, kis: ScriptedKis, value: object
) -> None:
    kis.answers("intstock-multprice", success(output=[{**a_many_row(), "inter2_prpr": value}, a_many_row("000660")]))

    assert set(await broker.quotes([SAMSUNG, HYNIX], Lane.SCAN)) == {HYNIX}


async def test_a_held_stock_whose_price_is_odd_is_asked_for_alone(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("intstock-multprice", success(output=[a_many_row(inter2_prpr="?"), a_many_row("000660")]))
    kis.answers("inquire-price", success(output=a_price_row(stck_prpr="70400", acml_vol="-1")))

    quotes = await broker.quotes([SAMSUNG, HYNIX], Lane.WATCH)

    assert {symbol: quote.price for symbol, quote in quotes.items()} == {SAMSUNG: 70_400, HYNIX: 70_500}
    assert quotes[SAMSUNG].unreadable == ("acml_vol",)
    assert len(kis.asked("inquire-price")) == 1


async def test_a_stock_whose_price_is_odd_everywhere_costs_only_itself(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("intstock-multprice", success(output=[a_many_row(inter2_prpr="?"), a_many_row("000660")]))
    kis.answers("inquire-price", success(output=a_price_row(stck_prpr="-1")))

    assert set(await broker.quotes([SAMSUNG, HYNIX], Lane.WATCH)) == {HYNIX}


@pytest.mark.parametrize("answer", ["a page of HTML", "refused"])
async def test_where_thirty_at_once_are_of_no_use_held_stocks_are_asked_for_one_by_one(
    broker: KisBroker, kis: ScriptedKis, answer: str
) -> None:
    answers = {
        "a page of HTML": httpx.Response(200, text="<html>점검</html>"),
        "refused": httpx.Response(200, json={"rt_cd": "7", "msg_cd": "XXXX0001", "msg1": ""}),
    }
    kis.answers("intstock-multprice", answers[answer])
    kis.answers("inquire-price", success(output=a_price_row(stck_prpr="70500")), success(output={"stck_prpr": "x"}))

    quotes = await broker.quotes([SAMSUNG, HYNIX], Lane.WATCH)

    assert {symbol: quote.price for symbol, quote in quotes.items()} == {SAMSUNG: 70_500}
    assert not quotes[SAMSUNG].shows_book
    with pytest.raises((BrokerProtocolError, BrokerRefusedError)):
        await broker.quotes([SAMSUNG], Lane.SCAN)


@pytest.mark.parametrize("odd", [{"stck_hgpr": ""}, {"stck_clpr": "-1"}, {"stck_bsop_date": "yesterday"}])
async def test_a_last_bar_that_cannot_be_read_is_replaced_by_no_other(
    broker: KisBroker, kis: ScriptedKis, odd: dict[str, str]
) -> None:
    bars = [a_bar("20261120", "70100") | odd, a_bar("20261119", "69900")]
    kis.answers("inquire-daily-itemchartprice", success(output1=HEAD, output2=bars))

    with pytest.raises(BrokerRefusedError, match="NO_REFERENCE"):
        await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)


async def test_an_odd_bar_of_another_day_does_not_matter(broker: KisBroker, kis: ScriptedKis) -> None:
    bars = [a_bar("20261123", "") | {"stck_hgpr": ""}, a_bar("20261120", "70100"), a_bar("20261119", "?")]
    kis.answers("inquire-daily-itemchartprice", success(output1=HEAD, output2=bars))

    assert (await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)).previous_close == 70_100


async def test_the_reference_is_the_last_bar_before_the_session(broker: KisBroker, kis: ScriptedKis) -> None:
    bars = [a_bar("20261123", "70500"), a_bar("20261120", "70100"), a_bar("20261119", "69900"), {}]
    kis.answers("inquire-daily-itemchartprice", success(output1=HEAD, output2=bars))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert (reference.previous_close, reference.previous_range, reference.previous_volume) == (70_100, 2_000, 5)
    assert reference.limits == PriceLimits(Price(49_100), Price(91_100))


async def test_without_bars_the_reference_is_what_the_head_says(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-itemchartprice", success(output1=HEAD, output2=[]))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert (reference.previous_close, reference.previous_range, reference.previous_volume) == (70_100, 1_400, 1_234)


async def test_an_unknown_stock_has_no_reference(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-itemchartprice", success(output1=dict.fromkeys(HEAD, "0"), output2=[]))

    with pytest.raises(BrokerRefusedError, match="NO_REFERENCE"):
        await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)


async def test_the_book_leaves_empty_levels_out(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-asking-price-exp-ccn", success(output1=a_book(), output2={}))

    book = await broker.order_book(SAMSUNG, Lane.EXIT)

    assert book.asks == (BookLevel(Price(70_600), Quantity(120)), BookLevel(Price(70_700), Quantity(8)))
    assert book.bids == (BookLevel(Price(70_500), Quantity(340)),)


async def test_a_level_that_cannot_be_read_ends_its_side(broker: KisBroker, kis: ScriptedKis) -> None:
    row = a_book(askp_rsqn2="?")
    del row["bidp_rsqn7"]
    kis.answers("inquire-asking-price-exp-ccn", success(output1=row, output2={}))

    book = await broker.order_book(SAMSUNG, Lane.EXIT)

    assert [level.price for level in book.asks] == [70_600]
    assert [level.price for level in book.bids] == [70_500]


async def test_a_book_whose_best_level_cannot_be_read_is_loud(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-asking-price-exp-ccn", success(output1=a_book(bidp1="?"), output2={}))

    with pytest.raises(BrokerProtocolError, match=r"bids\.0\.price"):
        await broker.order_book(SAMSUNG, Lane.EXIT)


async def test_odd_rows_of_rankings_and_calendars_cost_only_themselves(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("volume-rank", success(output=[{"mksc_shrn_iscd": code} for code in ("005930", "", "?", "000660")]))
    days = [{"bass_dt": "20261122", "opnd_yn": ""}, {"bass_dt": "20261399", "opnd_yn": "N"}, 7]
    kis.answers("chk-holiday", success(output=[*days, {"bass_dt": "20261123", "opnd_yn": "Y"}]))

    assert await broker.volume_leaders(9, Lane.SCAN) == ("005930", "000660")
    assert await broker.is_session_day(DAY, Lane.SCAN) is True


async def test_leaders_are_stocks_without_repetition(broker: KisBroker, kis: ScriptedKis) -> None:
    codes = ["005930", "Q500001", "000660", "005930", "035720"]
    kis.answers("volume-rank", success(output=[{"mksc_shrn_iscd": code} for code in codes]))

    assert await broker.volume_leaders(2, Lane.SCAN) == ("005930", "000660")
    assert await broker.volume_leaders(0, Lane.SCAN) == ()


@pytest.mark.parametrize("days", [[], [{"bass_dt": "20261122", "opnd_yn": "N"}]])
async def test_a_calendar_without_the_day_is_loud(
    broker: KisBroker, kis: ScriptedKis, days: list[dict[str, str]]
) -> None:
    kis.answers("chk-holiday", success(output=days))

    with pytest.raises(BrokerProtocolError, match="chk-holiday: 2026-11-23 is missing"):
        await broker.is_session_day(DAY, Lane.SCAN)


async def test_an_answer_is_read_whatever_its_media_type(broker: KisBroker, kis: ScriptedKis) -> None:
    reply = success(output=[a_many_row()])
    kis.answers("intstock-multprice", httpx.Response(200, content=reply.content, headers={"content-type": "text/x"}))

    assert SAMSUNG in await broker.quotes([SAMSUNG], Lane.WATCH)
