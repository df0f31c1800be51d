"""Buying power is spent once: the ledger reserves amounts of other buys that the broker's answer cannot include."""

import asyncio
from datetime import datetime

from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Won
from domain.order import Rejected, Unknown
from domain.risk import Denial, Denied, EntryDeniedError, Review, Spending, review
from domain.rules import RiskRules
from tests.database.books import Books, an_opening
from tests.support.builders import HYNIX, SAMSUNG, a_plan, a_proposal, a_snapshot

ONE_BUY = 700_000
"""Ten shares at 70,000 won."""
RIVAL = WorkerId("worker-2")


async def _buys(
    books: Books, worker: int, power: int, asked_at: datetime, symbol: Symbol | None = None
) -> Denied | None:
    """Decide a buy of 700,000 won with a buying power read at an instant; return the denial, or None."""
    lease = await books.locked(WorkerId(f"worker-{worker}"), symbol or Symbol(f"{worker:06d}"))
    buy = books.a_buy(lease)

    def reviewed(reserved: Won) -> Review:
        proposal = a_proposal(symbol=buy.symbol, amount=Won(ONE_BUY), power=Won(power), reserved=reserved)
        return review(proposal, a_snapshot(), RiskRules(), a_plan())

    try:
        await books.database.orders.record_entry(buy, an_opening(buy), Spending(asked_at, reviewed))
    except EntryDeniedError as denied:
        return denied.verdict
    return None


async def test_of_twenty_workers_that_asked_at_once_only_as_many_buy_as_the_power_pays(books: Books) -> None:
    asked_at = await books.database.server.now()

    verdicts = await asyncio.gather(*(_buys(books, worker, 3 * ONE_BUY + 1, asked_at) for worker in range(1, 21)))

    denied = [verdict.denial for verdict in verdicts if verdict is not None]
    assert denied == [Denial.BUYING_POWER_RESERVED] * 17


async def test_a_denied_buy_leaves_no_trace(books: Books) -> None:
    asked_at = await books.database.server.now()
    await _buys(books, 1, ONE_BUY, asked_at)

    verdict = await _buys(books, 2, ONE_BUY, asked_at)

    assert verdict is not None
    assert verdict.detail == "700,000 won and 700,000 won of other buys exceed the buying power of 700,000"
    assert len(await books.database.orders.active_in(books.account_id)) == 1


async def test_a_live_buy_counts_though_the_answer_came_after_it(books: Books) -> None:
    """A margin account reserves nothing for a live buy: its answer is the same before and after."""
    record = await books.accepted(books.a_buy(await books.locked(RIVAL, HYNIX)))
    asked_at = await books.database.server.now()
    assert await _buys(books, 1, 2 * ONE_BUY - 1, asked_at, SAMSUNG) is not None

    await books.filled(record, 4, 69_000)

    spent = 4 * 69_000 + 6 * 70_000
    assert await _buys(books, 1, ONE_BUY + spent - 1, asked_at, SAMSUNG) is not None
    assert await _buys(books, 1, ONE_BUY + spent, asked_at, SAMSUNG) is None


async def test_a_buy_that_was_filled_before_the_question_is_known_to_the_answer(books: Books) -> None:
    await books.filled(await books.accepted(books.a_buy(await books.locked(RIVAL, HYNIX))), 10, 69_000)

    assert await _buys(books, 1, ONE_BUY, await books.database.server.now(), SAMSUNG) is None


async def test_an_order_that_was_accepted_or_filled_after_the_question_is_not(books: Books) -> None:
    asked_at = await books.database.server.now()
    record = await books.accepted(books.a_buy(await books.locked(RIVAL, HYNIX)))
    assert await _buys(books, 1, ONE_BUY, asked_at, SAMSUNG) is not None

    await books.filled(record, 10, 69_000)

    verdict = await _buys(books, 1, ONE_BUY + 690_000 - 1, asked_at, SAMSUNG)
    assert verdict is not None
    assert await _buys(books, 1, ONE_BUY + 690_000, asked_at, SAMSUNG) is None


async def test_only_what_a_withdrawn_order_has_bought_is_spent(books: Books) -> None:
    asked_at = await books.database.server.now()
    record = await books.accepted(books.a_buy(await books.locked(RIVAL, HYNIX)))
    await books.cancelled(record, 4)

    assert await _buys(books, 1, ONE_BUY + 4 * 70_000 - 1, asked_at, SAMSUNG) is not None
    assert await _buys(books, 1, ONE_BUY + 4 * 70_000, asked_at, SAMSUNG) is None


async def test_a_buy_of_which_nothing_is_known_counts_however_long_ago_it_was_sent(books: Books) -> None:
    buy = books.a_buy(await books.locked(RIVAL, HYNIX))
    await books.sent(buy)
    await books.database.orders.record_outcome(buy.intent_id, Unknown("no reply"))

    assert await _buys(books, 1, ONE_BUY, await books.database.server.now(), SAMSUNG) is not None


async def test_a_refused_buy_has_spent_nothing(books: Books) -> None:
    asked_at = await books.database.server.now()
    buy = books.a_buy(await books.locked(RIVAL, HYNIX))
    await books.sent(buy)
    await books.database.orders.record_outcome(buy.intent_id, Rejected("APBK0952", "no"))

    assert await _buys(books, 1, ONE_BUY, asked_at, SAMSUNG) is None
