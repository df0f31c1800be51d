"""Twenty workers that scan at once send the broker the requests of one."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.market.quote_feed import QuoteFeed
from activities.market_data import MarketDataActivities
from activities.support.single_flight import NextFlight, SingleFlight
from domain.errors import BrokerUnavailableError
from domain.identity import WorkerId
from domain.lane import Lane
from domain.market import Market, Symbol
from domain.rules import UniverseRules
from domain.screening import ScanReport
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import RULES

WORKERS = 20
RANKED = 10
INDEX = "FHPUP02100000"
"""Read in the background, once for each board."""
RANKING, REFERENCE, PRICES, STATUS = "FHPST01710000", "FHKST03010100", "FHKST11300006", "FHKST01010100"


def seen(desk: Desk) -> Counter[str]:
    return Counter(desk.simulation.calls.by_tr_id)


class Unhurried:
    """The real broker with a delay, during which other callers could ask too."""

    def __init__(self, desk: Desk) -> None:
        self._broker = desk.broker

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._broker, name)
        if name not in {"volume_leaders", "daily_reference", "instrument_status", "quotes"}:
            return found

        async def after_a_while(*arguments: Any) -> Any:
            await asyncio.sleep(0.05)
            return await found(*arguments)

        return after_a_while


async def scan_together(desk: Desk, scanner: MarketDataActivities, workers: int) -> list[ScanReport]:
    """Let all workers scan the ranking at the same moment, with every stock a candidate."""
    strategy = replace(RULES.strategy, names=("eager",))
    request = desk.scan_request(universe=UniverseRules(ranking_size=RANKED), strategy=strategy)
    asked = [replace(request, worker_id=WorkerId(f"worker-{number}")) for number in range(1, workers + 1)]
    return await asyncio.gather(*(ActivityEnvironment().run(scanner.scan, each) for each in asked))


async def test_twenty_workers_that_scan_at_once_make_the_calls_of_one(desk: Desk) -> None:
    await scan_together(desk, desk.market_data, 1)  # The simulator generates a stock's days on the first request.
    broker: Any = Unhurried(desk)
    feed = QuoteFeed(broker, desk.pace)
    scanner = MarketDataActivities(feed, broker, desk.database, desk.pace, desk.day_start, guard=desk.guard)
    before = seen(desk)

    reports = await scan_together(desk, scanner, WORKERS)
    after = seen(desk)
    await scan_together(desk, scanner, WORKERS)

    calls = after - before
    twice = seen(desk) - after
    assert calls.pop(INDEX, 0) + twice.pop(INDEX, 0) <= len(Market)
    (wanted,) = {len(report.candidates) for report in reports}
    assert wanted <= calls.pop(STATUS) <= RANKED
    assert wanted >= RANKED / 2
    assert calls == {RANKING: 1, REFERENCE: RANKED, PRICES: 1}
    assert not twice, "what all have just seen is asked for by none"


async def test_all_who_ask_for_a_status_at_once_share_its_failure(desk: Desk) -> None:
    desk.simulation.add_fault(kind="http_error", path="inquire-price", count=0)
    before = seen(desk)[STATUS]

    asked = [desk.feed.status(SAMSUNG, timedelta(seconds=20), Lane.SCAN) for _ in range(WORKERS)]
    found = await asyncio.gather(*asked, return_exceptions=True)

    assert {type(each) for each in found} == {BrokerUnavailableError}
    assert seen(desk)[STATUS] - before <= 3, "one question, and its own retries"


async def test_flags_at_a_purchase_are_no_older_than_a_second(desk: Desk) -> None:
    await desk.feed.status(SAMSUNG, timedelta(0), Lane.SCAN)
    before = seen(desk)[STATUS]
    desk.passes(seconds=2)

    await desk.prepared(SAMSUNG)

    assert seen(desk)[STATUS] - before == 1


async def test_an_asker_that_is_cancelled_takes_nothing_from_the_others() -> None:
    flight, answer, asked = SingleFlight[Symbol, int](), asyncio.Event(), 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await answer.wait()
        return 7

    first, second = (asyncio.create_task(flight.answer(SAMSUNG, ask)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    answer.set()

    assert (await second, asked) == (7, 1)


async def test_a_question_that_has_failed_is_asked_again() -> None:
    flight, asked = SingleFlight[Symbol, int](), 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise BrokerUnavailableError("away")
        return asked

    with pytest.raises(BrokerUnavailableError):
        await flight.answer(SAMSUNG, ask)

    assert await flight.answer(SAMSUNG, ask) == 2


class Asked:
    """A query whose answers the test gives; counts the calls."""

    def __init__(self) -> None:
        self.times = 0
        self.answers: list[asyncio.Future[int]] = []

    async def ask(self) -> int:
        self.times += 1
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    async def is_asked(self, times: int) -> None:
        while self.times < times:
            await asyncio.sleep(0)


async def test_an_answer_goes_only_to_those_who_asked_before_it_was_begun() -> None:
    question = Asked()
    flight = NextFlight(question.ask)
    early = [asyncio.create_task(flight.answer()) for _ in range(5)]
    await question.is_asked(1)
    late = [asyncio.create_task(flight.answer()) for _ in range(5)]
    question.answers[0].set_result(1)
    await question.is_asked(2)
    question.answers[1].set_result(2)

    assert (await asyncio.gather(*early), await asyncio.gather(*late)) == ([1] * 5, [2] * 5)
    assert question.times == 2


async def test_a_failed_answer_fails_those_who_share_it_and_no_others() -> None:
    question = Asked()
    flight = NextFlight(question.ask)
    early = [asyncio.create_task(flight.answer()) for _ in range(2)]
    await question.is_asked(1)
    late = asyncio.create_task(flight.answer())
    question.answers[0].set_exception(BrokerUnavailableError("away"))
    await question.is_asked(2)
    question.answers[1].set_result(2)

    failed = await asyncio.gather(*early, return_exceptions=True)
    assert [type(each) for each in failed] == [BrokerUnavailableError] * 2
    assert await late == 2
