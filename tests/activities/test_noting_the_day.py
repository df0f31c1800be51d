"""The activities note what a replay of the day needs, and trade the same when a note fails or has no room."""

from dataclasses import replace

from activities.entries import NoEntry
from activities.support.recorder import DayRecorder
from domain.identity import WorkerId
from domain.order import OrderPurpose, OrderStatus
from domain.rules import StrategyRules
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG, WORKER


async def test_a_trade_is_noted_with_its_prices_and_replies(desk: Desk) -> None:
    recorder = desk.recorder = DayRecorder()
    desk.rebuild()
    entry = await desk.buys()
    await desk.sells(entry)

    notes = recorder.take()
    orders = [note.values for note in notes if note.kind == "order"]
    assert [each["purpose"] for each in orders] == [OrderPurpose.ENTRY, OrderPurpose.EXIT]
    assert {each["outcome"] for each in orders} == {"accepted"}
    assert all(each["waited"] >= 0 and each["reply"] >= 0 and each["age"] is not None for each in orders)
    assert orders[0]["intent"] == entry.intent_id
    stock = next(note.values for note in notes if note.kind == "stock")
    assert (stock["symbol"], stock["base"] > 0) == (SAMSUNG, True)
    assert any(note.kind == "bar" and note.values["bar"][0] == SAMSUNG for note in notes)


async def test_a_recorder_that_fails_or_is_full_delays_no_sale(desk: Desk) -> None:
    recorder = desk.recorder = DayRecorder(room=0)
    recorder._seen = None  # type: ignore[assignment] # any note fails
    desk.rebuild()
    entry = await desk.buys()
    record = await desk.sells(entry)

    assert record.status is OrderStatus.FILLED
    assert recorder.dropped > 1


async def test_a_scan_and_a_candidate_that_is_refused_are_noted(desk: Desk) -> None:
    recorder = desk.recorder = DayRecorder()
    desk.rebuild()
    await desk.registers()
    request = desk.scan_request()
    eager = replace(request.rules, strategy=StrategyRules(names=("eager",)))
    await desk.does(desk.market_data.find_candidates, replace(request, rules=eager))
    entry = await desk.buys()
    assert isinstance(await desk.prepares(SAMSUNG, worker=WorkerId("worker-2")), NoEntry)

    notes = recorder.take()
    (scan,) = [note.values for note in notes if note.kind == "scan"]
    assert SAMSUNG in {symbol for symbol, _, strategy in scan["found"] if strategy == "eager"}
    assert scan["since"] <= scan["at"]
    (refused,) = [note.values for note in notes if note.kind == "not_bought"]
    assert (refused["symbol"], refused["why"]) == (entry.symbol, "lock lost")
    assert [note.values["worker"] for note in notes if note.kind == "waits"] == [WORKER]
