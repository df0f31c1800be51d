"""Past bars from KIS: pages backwards, other days and empty rows left out, a bad row refuses the whole day."""

from datetime import date

import pytest

from broker.kis import KisBroker
from domain.bar import DailyBar, MinuteBar
from domain.errors import BrokerProtocolError
from domain.lane import Lane
from domain.session import REGULAR_HOURS, Session, session_of
from tests.broker.parts import SAMSUNG, Budget, ScriptedKis, success

MINUTES, DAYS = "inquire-time-dailychartprice", "inquire-daily-itemchartprice"
FRIDAY: Session = session_of(date(2026, 11, 20), REGULAR_HOURS)


def a_minute(at: str, so_far: int, volume: int = 5, day: str = "20261120", **changes: str) -> dict[str, str]:
    prices = {"stck_oprc": "70000", "stck_hgpr": "70200", "stck_lwpr": "69900", "stck_prpr": "70100"}
    head = {"stck_bsop_date": day, "stck_cntg_hour": at, "cntg_vol": str(volume), "acml_tr_pbmn": str(so_far)}
    return head | prices | changes


def a_bar(minute: int, value: int | None, volume: int = 5) -> MinuteBar:
    return MinuteBar(minute, 70_000, 70_200, 69_900, 70_100, volume, value)


async def test_minutes_are_asked_for_page_by_page_in_the_last_lane(
    broker: KisBroker, kis: ScriptedKis, budget: Budget
) -> None:
    afternoon = [a_minute("153000", 90), a_minute("151900", 70)]
    morning = [a_minute("090100", 40), a_minute("090000", 40, volume=0)]
    kis.answers(MINUTES, success(output2=afternoon), success(output2=morning))

    bars = await broker.charts.minute_bars(SAMSUNG, FRIDAY)

    assert bars == [a_bar(541, None), a_bar(919, 30), a_bar(930, 20)]
    asked = [dict(request.url.params) for request in kis.asked(MINUTES)]
    assert [each["FID_INPUT_HOUR_1"] for each in asked] == ["153000", "151800"]
    assert {each["FID_INPUT_DATE_1"] for each in asked} == {"20261120"}
    assert budget.lanes[-2:] == [Lane.SCAN, Lane.SCAN]


async def test_a_page_that_brings_nothing_new_ends_the_day(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(MINUTES, success(output2=[a_minute("150000", 10)]))

    assert await broker.charts.minute_bars(SAMSUNG, FRIDAY) == [a_bar(900, 10)]
    assert len(kis.asked(MINUTES)) == 2


async def test_the_bars_of_another_day_are_none_of_this_day(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(MINUTES, success(output2=[a_minute("153000", 10, day="20261119")]))

    assert await broker.charts.minute_bars(SAMSUNG, FRIDAY) == []


async def test_a_minute_that_cannot_be_read_refuses_the_day(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers(MINUTES, success(output2=[a_minute("153000", 10), a_minute("151900", 5, stck_prpr="?")]))

    with pytest.raises(BrokerProtocolError, match="1 rows of a chart cannot be read: stck_prpr"):
        await broker.charts.minute_bars(SAMSUNG, FRIDAY)


@pytest.mark.parametrize("changes", [{"stck_lwpr": "0"}, {"stck_hgpr": "69999"}, {"stck_hgpr": "9" * 12}])
async def test_a_bar_that_contradicts_itself_refuses_the_day(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str]
) -> None:
    kis.answers(MINUTES, success(output2=[a_minute("153000", 10) | changes]))

    with pytest.raises(BrokerProtocolError, match="prices contradict each other"):
        await broker.charts.minute_bars(SAMSUNG, FRIDAY)


def a_day(day: str, change: str = "300", sign: str = "2", **changes: str) -> dict[str, str]:
    prices = {"stck_oprc": "70000", "stck_hgpr": "70200", "stck_lwpr": "69900", "stck_clpr": "70100"}
    rest = {"acml_vol": "5", "acml_tr_pbmn": "350000", "prdy_vrss": change, "prdy_vrss_sign": sign}
    return {"stck_bsop_date": day} | prices | rest | changes


async def test_daily_bars_are_as_traded_with_the_base_price_and_page_backwards(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    second = [a_day("20261118", "-300", "5"), {}]
    kis.answers(
        DAYS, success(output2=[a_day("20261120"), a_day("20261119")]), success(output2=second), success(output2=[])
    )

    bars = await broker.charts.daily_bars(SAMSUNG, date(2026, 1, 2), date(2026, 11, 22))

    wednesday = DailyBar(date(2026, 11, 18), 70_000, 70_200, 69_900, 70_100, 5, 350_000, 70_400)
    assert bars[0] == wednesday
    assert [(bar.date.day, bar.base) for bar in bars[1:]] == [(19, 69_800), (20, 69_800)]
    asked = [dict(request.url.params) for request in kis.asked(DAYS)]
    assert [each["FID_INPUT_DATE_2"] for each in asked] == ["20261122", "20261118", "20261117"]
    assert {each["FID_ORG_ADJ_PRC"] for each in asked} == {"1"}


async def test_a_session_without_trades_is_no_daily_bar(broker: KisBroker, kis: ScriptedKis) -> None:
    halted = a_day("20261120", acml_vol="0", stck_oprc="0", stck_hgpr="0", stck_lwpr="0")
    kis.answers(DAYS, success(output2=[halted]))

    assert await broker.charts.daily_bars(SAMSUNG, date(2026, 11, 20), date(2026, 11, 20)) == []
