"""Every reader computes changes from the base price, not from the raw close of the previous day."""

import httpx
import pytest

from broker.kis import KisBroker
from domain.lane import Lane
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, a_many_row, a_price_row, success
from tests.broker.test_quotes import HEAD, a_bar


@pytest.mark.parametrize(
    ("changes", "base"),
    [
        ({"inter2_sdpr": "70100", "inter2_prdy_clpr": "140200"}, 70_100),
        ({"inter2_prdy_vrss": "400", "prdy_vrss_sign": "2", "inter2_prdy_clpr": "140200"}, 70_100),
        ({"inter2_prpr": "69700", "inter2_prdy_vrss": "-400", "prdy_vrss_sign": "5", "inter2_prdy_clpr": "7"}, 70_100),
        ({"inter2_prpr": "69700", "inter2_prdy_vrss": "400", "prdy_vrss_sign": "5", "inter2_prdy_clpr": "7"}, 70_100),
        ({"inter2_prdy_clpr": "70100"}, 70_100),
        ({"inter2_prdy_clpr": "80000"}, 70_100),
        ({"inter2_prdy_vrss": "9000", "prdy_vrss_sign": "2", "inter2_prdy_clpr": "80000"}, 70_100),
        ({"inter2_prdy_clpr": "70100", "inter2_mxpr": "", "inter2_llam": ""}, 0),
    ],
)
async def test_on_a_split_day_the_base_price_is_the_reference(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str], base: int
) -> None:
    row = a_many_row(**{"inter2_sdpr": ""} | changes)
    kis.answers("intstock-multprice", success(output=[row]))

    quote = (await broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG]

    assert quote.previous_close == base
    assert quote.unreadable == (() if base else ("inter2_sdpr",))


async def test_a_single_price_counts_from_the_base_price_too(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("intstock-multprice", httpx.Response(200, text="<html>"))
    row = a_price_row(stck_sdpr="", prdy_vrss="400", prdy_vrss_sign="2")
    kis.answers("inquire-price", success(output=a_price_row()), success(output=row))

    for _ in range(2):
        assert (await broker.quotes([SAMSUNG], Lane.WATCH))[SAMSUNG].previous_close == 70_100


async def test_on_a_split_day_the_bar_before_is_counted_in_new_shares(broker: KisBroker, kis: ScriptedKis) -> None:
    raw = a_bar("20261120", "140200") | {"stck_hgpr": "142000", "stck_lwpr": "138000", "acml_vol": "1000"}
    kis.answers("inquire-daily-itemchartprice", success(output1=HEAD | {"stck_prdy_clpr": "140200"}, output2=[raw]))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert (reference.previous_close, reference.previous_high, reference.previous_low) == (70_100, 71_000, 69_000)
    assert reference.previous_volume == 2_000
