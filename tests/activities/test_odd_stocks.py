"""A stock that the broker refuses or garbles affects only itself, in a scan and at a purchase."""

from dataclasses import replace
from typing import Any

import pytest

from activities.entries import NoEntry
from domain.errors import BrokerUnavailableError
from domain.event import Event
from domain.event_kind import EventKind
from domain.lane import Lane
from domain.market import Symbol
from domain.rules import UniverseRules
from domain.screening import ScanReport, ScreeningFilter
from fleet.troubles import read_troubles
from tests.activities.desk import PLAN, Desk
from tests.broker.parts import a_price_row, success
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, RULES

DAILY = "inquire-daily-itemchartprice"
PRICE = "inquire-price"
BLANK_HIGH = success(
    output1={"stck_mxpr": "91100", "stck_llam": "49100", "stck_prdy_clpr": "70100"},
    output2=[
        {"stck_bsop_date": "20261120", "stck_clpr": "70100", "stck_hgpr": "", "stck_lwpr": "69000", "acml_vol": "1"}
    ],
).text
NO_FLAG = success(output={name: value for name, value in a_price_row().items() if name != "vi_cls_code"}).text
AN_ETF = success(output=a_price_row(rprs_mrkt_kor_name="ETF")).text


def eager(**rules: Any) -> dict[str, Any]:
    """Return rules that make each readable stock a candidate."""
    universe = UniverseRules(0, (HYNIX, SAMSUNG))
    return {"strategy": replace(RULES.strategy, names=("eager",)), "universe": universe, **rules}


async def scans(desk: Desk, times: int = 1, **rules: Any) -> list[ScanReport]:
    return [await desk.does(desk.market_data.scan, desk.scan_request(**eager(**rules))) for _ in range(times)]


async def left_out(desk: Desk) -> list[Event]:
    latest = await desk.database.events.latest(ACCOUNT, 50)
    return [event for event in latest if event.kind == EventKind.STOCK_LEFT_OUT]


@pytest.mark.parametrize(
    ("path", "body"), [(DAILY, BLANK_HIGH), (PRICE, NO_FLAG), (PRICE, AN_ETF)], ids=["high", "flag", "board"]
)
async def test_a_stock_that_cannot_be_read_costs_a_scan_only_itself(desk: Desk, path: str, body: str) -> None:
    desk.simulation.add_fault(kind="garbage", path=path, symbol=HYNIX, count=0, body=body)

    first, second = await scans(desk, 2)

    for report in (first, second):
        assert [candidate.symbol for candidate in report.candidates] == [SAMSUNG]
        assert report.dropped == {ScreeningFilter.UNREADABLE: 1}
        assert report.looked_at == 2
    (event,) = await left_out(desk)
    assert event.symbol == HYNIX


async def test_a_stock_that_cannot_be_read_is_reported_once_an_hour_and_shown(desk: Desk) -> None:
    desk.simulation.add_fault(kind="garbage", path=DAILY, symbol=HYNIX, count=0, body=BLANK_HIGH)
    await scans(desk, 2)
    desk.rebuild()
    await scans(desk)
    shown = await read_troubles(desk.database.events, ACCOUNT, PLAN.session.date, desk.pace.now())
    once = len(await left_out(desk))
    desk.passes(hours=1)
    await scans(desk)

    assert (once, len(await left_out(desk))) == (1, 2)
    (line,) = shown
    assert line.startswith("left out: ")
    assert line.endswith(f"({HYNIX})")


async def test_a_reference_that_could_not_be_read_is_asked_for_again_after_a_minute(desk: Desk) -> None:
    desk.simulation.add_fault(kind="garbage", path=DAILY, symbol=HYNIX, count=1, body=success(output2=[]).text)
    faults = await desk.feed.learn_references([HYNIX], Lane.SCAN)
    before = desk.simulation.calls.total
    still = await desk.feed.learn_references([HYNIX], Lane.SCAN)
    unasked = desk.simulation.calls.total - before
    desk.passes(minutes=1)

    assert set(faults) == set(still) == {HYNIX}
    assert unasked == 0
    assert await desk.feed.learn_references([HYNIX], Lane.SCAN) == {}


async def test_a_ranking_that_cannot_be_read_leaves_the_stocks_that_are_listed(desk: Desk) -> None:
    desk.simulation.add_fault(kind="garbage", path="volume-rank", count=0, body=success(output="?").text)

    (report,) = await scans(desk, universe=UniverseRules(30, (SAMSUNG,)))

    assert [candidate.symbol for candidate in report.candidates] == [SAMSUNG]
    (event,) = await left_out(desk)
    assert event.symbol is None


async def test_a_market_that_cannot_be_read_at_all_only_postpones_the_scan(desk: Desk) -> None:
    await desk.registers()
    desk.simulation.add_fault(kind="garbage", path="intstock-multprice", count=1, body=success(output="?").text)

    found = await desk.does(desk.market_data.find_candidates, desk.scan_request(**eager()))

    assert {candidate.symbol for candidate in found.candidates} == {SAMSUNG, HYNIX}
    assert desk.pace.pauses == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PRICE, NO_FLAG),
        (PRICE, AN_ETF),
        (DAILY, BLANK_HIGH),
        ("inquire-psbl-order", success(output={"nrcvb_buy_amt": "?", "nrcvb_buy_qty": "1"}).text),
    ],
    ids=["flag", "board", "high", "power"],
)
async def test_a_candidate_that_cannot_be_read_makes_room_for_the_next(desk: Desk, path: str, body: str) -> None:
    desk.simulation.add_fault(kind="garbage", path=path, symbol=HYNIX, count=0, body=body)

    entry = await desk.prepared(HYNIX, SAMSUNG)

    assert entry.symbol == SAMSUNG
    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}
    (event,) = await left_out(desk)
    assert event.symbol == HYNIX


@pytest.mark.parametrize("path", [DAILY, PRICE])
async def test_a_stock_about_which_the_broker_always_fails_costs_only_itself(desk: Desk, path: str) -> None:
    desk.simulation.add_fault(kind="http_error", path=path, symbol=HYNIX, count=0)

    (report,) = await scans(desk)
    entry = await desk.prepared(HYNIX, SAMSUNG)

    assert [candidate.symbol for candidate in report.candidates] == [SAMSUNG]
    assert entry.symbol == SAMSUNG
    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}


@pytest.mark.parametrize("path", [DAILY, PRICE])
async def test_a_broker_that_fails_about_every_stock_is_away(desk: Desk, path: str) -> None:
    desk.simulation.add_fault(kind="http_error", path=path, count=0)

    with pytest.raises(BrokerUnavailableError):
        await scans(desk)
    with pytest.raises(BrokerUnavailableError):
        await desk.prepares(HYNIX, SAMSUNG)
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_stock_that_the_books_already_hold_makes_room_for_the_next(desk: Desk) -> None:
    mine = await desk.prepared(SAMSUNG)
    await desk.database.locks.release(mine.lease)

    decision = await desk.prepares(SAMSUNG, name="worker-1.2")

    assert isinstance(decision, NoEntry), decision
    assert decision.reasons[0].startswith(f"{SAMSUNG}: not recorded, ")


async def test_an_unknown_code_is_refused_once_a_day(desk: Desk) -> None:
    unknown = Symbol("999999")

    faults = [await desk.feed.learn_references([unknown], Lane.SCAN) for _ in range(2)]
    before = desk.simulation.calls.total
    desk.passes(hours=2)
    faults.append(await desk.feed.learn_references([unknown], Lane.SCAN))

    assert all(set(each) == {unknown} for each in faults)
    assert desk.simulation.calls.total == before
