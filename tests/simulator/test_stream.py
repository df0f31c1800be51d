"""The stream over a real socket: market data that agrees with REST, order notices, keep-alive."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosedError

from simulator.settings import StreamSettings
from tests.simulator.market_day import ACCOUNT, PREFIX, SAMSUNG, a_cancel, an_order
from tests.simulator.streaming import FIELDS, Listener, Venue, a_listener, a_venue

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}
HTS_ID = "haru01"


async def rest_price(venue: Venue) -> dict[str, str]:
    reply = await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK)
    output: dict[str, str] = reply["output"]
    return output


async def passes(venue: Venue, seconds: float) -> None:
    await venue.control("/clock", {"advance": seconds})


@pytest.mark.parametrize("path", ["/", "/tryitout", "/tryitout/H0STCNT0"])
async def test_a_trade_shows_what_rest_shows(path: str) -> None:
    async with a_venue() as venue, await a_listener(venue, path) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await passes(venue, 1)

        [trade] = await listener.records("H0STCNT0")

        shown = await rest_price(venue)
    assert len(trade) == FIELDS["H0STCNT0"]
    assert trade[:3] == [SAMSUNG, "093001", shown["stck_prpr"]]
    assert [trade[place] for place in (7, 8, 9)] == [shown["stck_oprc"], shown["stck_hgpr"], shown["stck_lwpr"]]
    assert [trade[place] for place in (13, 14)] == [shown["acml_vol"], shown["acml_tr_pbmn"]]
    assert trade[33:35] == ["20261123", "20"]


async def test_trades_between_two_looks_share_a_frame_and_add_up() -> None:
    async with a_venue(stream=StreamSettings(records=4)) as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        before = int((await rest_price(venue))["acml_vol"])
        await passes(venue, 100)

        trades = await listener.records("H0STCNT0")

    assert [trade[1] for trade in trades] == ["093025", "093050", "093115", "093140"]
    assert sum(int(trade[12]) for trade in trades) == int(trades[-1][13]) - before


@pytest.mark.parametrize(
    ("day", "market_class", "widths"),
    [
        ("2026-11-23", 1, (47, 63)),
        ("2026-11-23", 0, (46, 59)),
        ("2026-09-11", 1, (46, 59)),
        ("2026-09-14", 1, (47, 63)),
    ],
)
async def test_records_are_as_wide_as_on_their_day(day: str, market_class: int, widths: tuple[int, int]) -> None:
    settings = StreamSettings(market_class=market_class)
    async with a_venue(f"{day} 10:00:00", stream=settings) as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await listener.asks("H0STASP0", SAMSUNG)
        (book, *_) = await listener.records("H0STASP0")
        await passes(venue, 3)
        trades = await listener.records("H0STCNT0")

    assert len(trades) > 1
    assert ({len(trade) for trade in trades}, len(book)) == ({widths[0]}, widths[1])
    if widths == (47, 63):
        assert {trade[46] for trade in trades} == {book[62]} == {"2"}
        assert int(book[59]) == (int(book[3]) + int(book[13])) // 2


@pytest.mark.parametrize("left_by", ["unsubscribing", "closing"])
async def test_a_client_that_comes_back_gets_no_backlog(left_by: str) -> None:
    async with a_venue(stream=StreamSettings(look_interval=0.3)) as venue:
        listener = await a_listener(venue)
        await listener.asks("H0STCNT0", SAMSUNG)
        if left_by == "unsubscribing":
            await listener.asks("H0STCNT0", SAMSUNG, tr_type="2")
        else:
            await listener.socket.close()
        await passes(venue, 600)
        if left_by == "closing":
            listener = await a_listener(venue)
        await listener.asks("H0STCNT0", SAMSUNG)
        await passes(venue, 1)

        trades = await listener.records("H0STCNT0")
        await listener.socket.close()

    assert [trade[1] for trade in trades] == ["094001"]


async def test_a_forced_price_is_reported_at_once_even_while_time_stands_still() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await passes(venue, 1)
        await listener.records("H0STCNT0")

        await venue.control("/prices", {"symbol": SAMSUNG, "price": 75_000})

        [trade] = await listener.records("H0STCNT0")
        assert trade[2] == (await rest_price(venue))["stck_prpr"] == "75000"


async def test_the_book_shows_what_rest_shows() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STASP0", SAMSUNG)

        [book] = await listener.records("H0STASP0")

        reply = await venue.get("/quotations/inquire-asking-price-exp-ccn", "FHKST01010200", STOCK)
    shown = reply["output1"]
    assert len(book) == FIELDS["H0STASP0"]
    assert book[3:13] == [shown[f"askp{place}"] for place in range(1, 11)]
    assert book[13:23] == [shown[f"bidp{place}"] for place in range(1, 11)]
    assert book[23:33] == [shown[f"askp_rsqn{place}"] for place in range(1, 11)]
    assert book[43:45] == [shown["total_askp_rsqn"], shown["total_bidp_rsqn"]]
    assert book[47] == "0"


async def follow_an_order(venue: Venue, listener: Listener, tr_id: str, *, paper: bool) -> list[list[str]]:
    """Buy 30 shares at market and return acceptance and fill."""
    await listener.asks(tr_id, HTS_ID)
    placed = await venue.post("/trading/order-cash", "VTTC0012U" if paper else "TTTC0012U", an_order(30), paper=paper)
    notices = [await listener.notice(), await listener.notice()]
    assert notices[0][2] == placed["output"]["ODNO"]
    return notices


async def test_real_notices_have_26_fields() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        accepted, filled = await follow_an_order(venue, listener, "H0STCNI0", paper=False)

    assert (len(accepted), len(filled)) == (26, 26)
    assert accepted[:2] == [HTS_ID, ACCOUNT.number + ACCOUNT.product]
    assert accepted[3:6] == ["", "02", "0"]
    assert accepted[8:11] == [SAMSUNG, "0000000030", "000000000"]
    assert (accepted[12:15], filled[12:15]) == (["0", "1", "1"], ["0", "2", "2"])
    assert accepted[15:17] == ["06010", "000000030"]
    assert filled[9] == "0000000030"
    assert filled[-4:] == ["10", "", "삼성전자", "000000000"]


async def test_paper_notices_have_23_fields() -> None:
    async with a_venue() as venue, await a_listener(venue, paper=True) as listener:
        accepted, filled = await follow_an_order(venue, listener, "H0STCNI9", paper=True)

    assert (len(accepted), len(filled)) == (23, 23)
    assert filled[15] == "00950"
    assert filled[18:] == ["1Y", "10", "", "삼성전자", "000000000"]


async def test_a_cancel_is_confirmed_under_its_own_number() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNI0", HTS_ID)
        low = int((await rest_price(venue))["stck_llam"])
        placed = await venue.post("/trading/order-cash", "TTTC0012U", an_order(5, low))
        number = placed["output"]["ODNO"]
        accepted = await listener.notice()
        cancelled = await venue.post("/trading/order-rvsecncl", "TTTC0013U", a_cancel(number))

        notice = await listener.notice()

    assert (accepted[10], accepted[-1]) == (f"{low:09}", "")
    assert notice[2:4] == [cancelled["output"]["ODNO"], number]
    assert (notice[5], notice[10], notice[12:15]) == ("2", "000000000", ["0", "1", "2"])


async def test_an_order_that_the_exchange_throws_out_is_reported_as_rejected() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNI0", HTS_ID)
        await venue.control("/faults", {"kind": "reject_later"})
        placed = await venue.post("/trading/order-cash", "TTTC0012U", an_order(5))

        accepted, rejected = await listener.notice(), await listener.notice()

    assert placed["rt_cd"] == "0"
    assert accepted[2] == rejected[2] == placed["output"]["ODNO"]
    assert (accepted[12:14], rejected[12:14]) == (["0", "1"], ["1", "1"])


async def test_the_rest_of_an_ioc_order_is_reported_as_dropped() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNI0", HTS_ID)
        low = int((await rest_price(venue))["stck_llam"])
        await venue.post("/trading/order-cash", "TTTC0012U", an_order(5, low) | {"ORD_DVSN": "11"})

        accepted, dropped = await listener.notice(), await listener.notice()

    assert (accepted[7], accepted[14]) == ("1", "1")
    assert (dropped[9], dropped[13:15]) == ("0000000005", ["1", "3"])


async def test_no_session_hears_of_another_app_keys_account() -> None:
    async with a_venue() as venue, await a_listener(venue) as mine, await a_listener(venue, key="x" * 36) as other:
        await mine.asks("H0STCNI0", HTS_ID)
        await other.asks("H0STCNI0", "stranger")
        await venue.post("/trading/order-cash", "TTTC0012U", an_order(3))

        await mine.notice()
        with pytest.raises(TimeoutError):
            await other.text(within=0.2)


@pytest.mark.parametrize("answer", ["echo", "pong"])
async def test_an_answered_pingpong_keeps_the_session(answer: str) -> None:
    settings = StreamSettings(ping_interval=0.1, ping_timeout=0.15)
    async with a_venue(stream=settings) as venue, await a_listener(venue) as listener:
        for _ in range(4):
            text = await listener.text()
            assert json.loads(text)["header"]["tr_id"] == "PINGPONG"
            assert len(text) <= 125
            await (listener.socket.send(text) if answer == "echo" else listener.socket.pong(text))


async def test_an_unanswered_pingpong_ends_the_session_when_asked_for() -> None:
    settings = StreamSettings(ping_interval=0.05, ping_timeout=0.15)
    async with a_venue(stream=settings) as venue, await a_listener(venue) as listener:
        await asyncio.wait_for(listener.socket.wait_closed(), 2)

        assert listener.socket.close_code == 1000


async def test_a_reader_who_lets_too_much_wait_is_cut_off() -> None:
    settings = StreamSettings(waiting=1, look_interval=0.3)
    async with a_venue(stream=settings) as venue, await a_listener(venue) as listener:
        for tr_id in ("H0STCNT0", "H0UNCNT0"):
            await listener.asks(tr_id, SAMSUNG)
        await passes(venue, 1)

        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(listener.text(), 2)


async def test_a_stream_that_cannot_look_any_more_cuts_its_sessions(caplog: pytest.LogCaptureFixture) -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        del venue.simulation.exchange.tapes[SAMSUNG]
        await passes(venue, 1)

        with pytest.raises(ConnectionClosedError):
            await listener.text()

    assert "stream_pump_failed" in caplog.text


async def test_rest_and_stream_share_every_port() -> None:
    async with a_venue() as venue, await a_listener(venue):
        assert (await venue.http.get(f"{venue.url()}{PREFIX}/nothing")).status_code == 500
