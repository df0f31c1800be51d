"""The latest scan is kept for the operator, beside the scans: none waits for it or fails by it."""

import asyncio

import pytest

from activities.market import scan_notes
from domain.market import Symbol
from tests.activities.desk import PLAN, Desk
from tests.support.builders import WORKER
from tests.support.stepping import ACCOUNT, SYMBOLS


async def kept(desk: Desk) -> dict[str, str]:
    """Return what the latest scan did with each stock."""
    found = await desk.database.last_scans.on(ACCOUNT, PLAN.session.date)
    return {stock["symbol"]: stock["dropped_by"] for scan in found for stock in scan.stocks}


async def written(desk: Desk) -> None:
    """Wait until the write of a scan has ended."""
    writing = desk.market_data.screening._notes._writing
    assert writing is not None
    await writing


async def test_a_scan_keeps_each_stock_with_the_filter_that_dropped_it(desk: Desk) -> None:
    await desk.database.locks.acquire(ACCOUNT, SYMBOLS[0], WORKER)
    report = await desk.does(desk.market_data.scan, desk.scan_request())
    await written(desk)

    found = await kept(desk)

    assert set(found) == set(SYMBOLS)
    assert found[SYMBOLS[0]] == "locked"
    assert {symbol for symbol, dropped in found.items() if not dropped} == {each.symbol for each in report.candidates}
    (scan,) = await desk.database.last_scans.on(ACCOUNT, PLAN.session.date)
    assert (scan.looked_at, scan.strategies) == (len(SYMBOLS), ",".join(desk.scan_request().rules.strategy.names))


async def test_scans_are_not_kept_more_often_than_every_few_seconds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_notes, "_EVERY", 3600.0)
    await desk.does(desk.market_data.scan, desk.scan_request())
    await written(desk)
    await desk.database.locks.acquire(ACCOUNT, SYMBOLS[0], WORKER)
    await desk.does(desk.market_data.scan, desk.scan_request())
    await written(desk)

    assert (await kept(desk))[SYMBOLS[0]] != "locked"


async def test_a_write_that_hangs_or_fails_delays_no_scan(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_notes, "_EVERY", 0.0)
    may_end, tried = asyncio.Event(), list[Symbol]()

    async def keep(*_: object) -> None:
        tried.append(SYMBOLS[0])
        await may_end.wait()
        raise ConnectionRefusedError("the database is away")

    monkeypatch.setattr(desk.database.last_scans, "keep", keep)
    for _ in range(3):
        report = await desk.does(desk.market_data.scan, desk.scan_request())
        assert report.looked_at == len(SYMBOLS)
        await asyncio.sleep(0)

    assert len(tried) == 1, "one write at a time"
    may_end.set()
    await written(desk)
    await desk.does(desk.market_data.scan, desk.scan_request())
    await asyncio.sleep(0)
    assert len(tried) == 2, "a failed write does not stop the next"
    await written(desk)
