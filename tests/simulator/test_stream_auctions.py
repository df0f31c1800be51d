"""The stream around auctions: expected matches, the open, the close, halts and volatility interruptions."""

import pytest

from tests.simulator.market_day import SAMSUNG
from tests.simulator.streaming import FIELDS, Venue, a_listener, a_venue

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


async def reaches(venue: Venue, kst: str) -> None:
    await venue.control("/clock", {"set": f"2026-11-23 {kst}"})


async def rest_match(venue: Venue) -> dict[str, str]:
    reply = await venue.get("/quotations/inquire-asking-price-exp-ccn", "FHKST01010200", STOCK)
    output: dict[str, str] = reply["output2"]
    return output


async def test_the_expected_match_before_the_open_is_what_the_open_trades() -> None:
    async with a_venue("2026-11-23 08:59:50") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STANC0", SAMSUNG)
        [expected] = await listener.records("H0STANC0")
        shown = await rest_match(venue)
        await listener.asks("H0STCNT0", SAMSUNG)
        await reaches(venue, "09:00:00")
        [opening] = await listener.records("H0STCNT0")

    assert len(expected) == FIELDS["H0STANC0"]
    assert (expected[2], expected[12]) == (shown["antc_cnpr"], shown["antc_vol"])
    assert (expected[34], expected[43]) == ("00", "B")
    assert (opening[1], opening[2], opening[21], opening[34]) == ("090000", expected[2], "3", "20")


async def test_the_expected_match_is_said_again_every_ten_seconds() -> None:
    async with a_venue("2026-11-23 15:21:00") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STANC0", SAMSUNG)
        await listener.records("H0STANC0")
        await reaches(venue, "15:21:09")
        await reaches(venue, "15:21:10")

        [again] = await listener.records("H0STANC0")

    assert (again[1], again[43]) == ("152110", "A")


async def test_the_closing_auction_is_one_trade_at_the_close() -> None:
    async with a_venue("2026-11-23 15:25:00") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        expected = await rest_match(venue)
        await reaches(venue, "15:30:05")

        [close] = await listener.records("H0STCNT0")

    assert (close[1], close[2], close[12], close[21]) == ("153000", expected["antc_cnpr"], expected["antc_vol"], "3")


async def test_a_book_in_an_auction_shows_the_expected_match() -> None:
    async with a_venue("2026-11-23 15:25:00") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STASP0", SAMSUNG)
        [book] = await listener.records("H0STASP0")

        assert book[47:49] == [(await rest_match(venue))["antc_cnpr"], (await rest_match(venue))["antc_vol"]]


async def test_a_new_day_begins_with_its_own_volume() -> None:
    async with a_venue("2026-11-23 15:40:00") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await venue.control("/clock", {"set": "2026-11-24 09:00:00"})

        [opening] = await listener.records("H0STCNT0")

    assert opening[33] == "20261124"
    assert opening[12] == opening[13]


async def test_a_halt_and_an_interruption_are_reported_as_market_status() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STMKO0", SAMSUNG)
        statuses = []
        for condition in ({"halted": True}, {"halted": False, "interrupted": True}, {"interrupted": False}):
            await venue.control("/symbols", {"symbol": SAMSUNG, **condition})
            statuses += await listener.records("H0STMKO0")

    assert {len(status) for status in statuses} == {FIELDS["H0STMKO0"]}
    assert [(status[1], status[3], status[8]) for status in statuses] == [
        ("Y", "112", "N"),
        ("N", "112", "Y"),
        ("N", "112", "N"),
    ]


async def test_a_circuit_breaker_is_reported_by_its_halt_its_auction_and_its_end() -> None:
    async with a_venue("2026-11-23 10:00:00") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STMKO0", SAMSUNG)
        await venue.control("/market", {"circuit_breaker": 1})
        codes = []
        for clock in ("10:00:01", "10:20:01", "10:30:01"):
            await reaches(venue, clock)
            codes += [status[3] for status in await listener.records("H0STMKO0")]

    assert codes == ["174", "184", "112"]


async def test_a_frozen_stock_does_not_trade() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await venue.control("/symbols", {"symbol": SAMSUNG, "halted": True})
        await reaches(venue, "09:31:00")
        await venue.control("/symbols", {"symbol": SAMSUNG, "halted": False})
        await reaches(venue, "09:31:01")

        trades = await listener.records("H0STCNT0")

    assert trades[0][1] >= "093100"


async def test_the_evening_trades_what_rest_shows() -> None:
    async with a_venue("2026-11-23 16:00:10") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await reaches(venue, "16:10:10")

        trades = await listener.records("H0STCNT0")

        shown = (await venue.get("/quotations/inquire-price", "FHKST01010100", STOCK))["output"]
    assert (trades[-1][2], trades[-1][13]) == (shown["stck_prpr"], shown["acml_vol"])
    assert {trade[46] for trade in trades} == {"3"}


async def test_nothing_is_reported_of_a_closed_market() -> None:
    async with a_venue("2026-11-23 19:59:59") as venue, await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await venue.control("/clock", {"set": "2026-11-24 08:45:00"})

        with pytest.raises(TimeoutError):
            await listener.text(within=0.3)
