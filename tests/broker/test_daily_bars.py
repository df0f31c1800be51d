"""The last sessions come with the previous close: oldest first, in today's shares, up to one that is unreadable."""

from datetime import date

import pytest

from broker.kis import KisBroker
from domain.lane import Lane
from domain.market import DailyBar
from domain.money import Price, Quantity
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, success
from tests.broker.test_quotes import HEAD, a_bar

CHART = "inquire-daily-itemchartprice"


def whole(day: str, close: str = "70100", **changes: str) -> dict[str, str]:
    return a_bar(day, close) | {"stck_oprc": "69500"} | changes


async def test_the_sessions_before_today_come_oldest_first(broker: KisBroker, kis: ScriptedKis) -> None:
    rows = [whole("20261123"), whole("20261120"), whole("20261118"), whole("20261119", "70000")]
    kis.answers(CHART, success(output1=HEAD, output2=rows))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert [bar.date for bar in reference.days] == [date(2026, 11, day) for day in (18, 19, 20)]
    assert reference.days[1] == DailyBar(
        date(2026, 11, 19), Price(69_500), Price(71_000), Price(69_000), Price(70_000), Quantity(5)
    )


@pytest.mark.parametrize("odd", [{"stck_oprc": ""}, {"stck_hgpr": "-"}])
async def test_a_bar_that_cannot_be_read_ends_the_sessions_and_leaves_the_reference(
    broker: KisBroker, kis: ScriptedKis, odd: dict[str, str]
) -> None:
    rows = [whole("20261117"), whole("20261118", **odd), whole("20261119"), whole("20261120")]
    kis.answers(CHART, success(output1=HEAD, output2=rows))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert reference.previous_close == 70_100
    assert [bar.date.day for bar in reference.days] == [19, 20]


async def test_a_date_that_does_not_exist_ends_them_too(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(CHART, success(output1=HEAD, output2=[whole("20261099"), whole("20261119"), whole("20261120")]))

    assert [bar.date.day for bar in (await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)).days] == [19, 20]


async def test_without_opening_prices_there_are_no_sessions_but_a_reference(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    kis.answers(CHART, success(output1=HEAD, output2=[a_bar("20261120", "70100")]))

    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert (reference.previous_close, reference.days) == (70_100, ())


async def test_on_a_split_day_they_are_counted_in_new_shares(broker: KisBroker, kis: ScriptedKis) -> None:
    raw = whole("20261120", "140200", stck_oprc="140000", stck_hgpr="142000", stck_lwpr="138000", acml_vol="1000")
    kis.answers(CHART, success(output1=HEAD | {"stck_prdy_clpr": "140200"}, output2=[raw]))

    (bar,) = (await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)).days

    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (70_000, 71_000, 69_000, 70_100, 2_000)
