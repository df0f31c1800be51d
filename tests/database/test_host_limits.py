"""Hosts' limits in the books: recorded once per start, never changed, applied to and referenced by every buy."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from database.sending import Sending, SendingRefused
from domain.host_limits import HostLimits, review_within
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.money import Won
from domain.order import OrderIntent, OrderStatus
from domain.risk import Denial
from domain.rules import ExitRules, RiskRules
from tests.database.books import HTTP_TIMEOUT, Books, an_opening, yes
from tests.support.builders import ACCOUNT, MONDAY, WORKER, a_plan, a_proposal, host_limits

HOST = "machine/7/abcd"
LOOSE = RiskRules(
    capital_per_trade=Won(50_000_000),
    worker_daily_loss=Won(5_000_000),
    fleet_daily_loss=Won(20_000_000),
    trades_per_worker=300,
    losses_in_a_row=0,
    cooldown_after_loss=timedelta(0),
)
"""Ten times the host's limits, as a workflow's own input may state."""


async def recorded(books: Books, limits: HostLimits, host: str = HOST) -> HostLimits:
    await books.database.hosts.beat(ACCOUNT, host, "machine", 7)
    return await books.database.host_limits.record(ACCOUNT, host, limits)


async def sent_by(
    books: Books, limits: HostLimits, buy: OrderIntent, environment: Environment = Environment.SIMULATED
) -> Sending:
    """Request the permit of a buy as a host with limits does, for a workflow with loose ones."""
    proposal = a_proposal(buy.quantity, symbol=buy.symbol)
    return await books.database.orders.begin_sending(
        buy.intent_id,
        review=lambda seen: review_within(limits.ceiling, proposal, seen, LOOSE, a_plan()),
        http_timeout=HTTP_TIMEOUT,
        environment=environment,
        limits=limits,
    )


async def number_of(connection: asyncpg.Connection, intent: OrderIntent) -> int | None:
    number: int | None = await connection.fetchval(
        "SELECT host_limits FROM orders WHERE intent_id = $1", intent.intent_id
    )
    return number


async def test_limits_come_back_with_their_host_while_it_lives(books: Books) -> None:
    limits = host_limits(RiskRules(trades_per_worker=7), live_consent=True)
    first = await recorded(books, limits)
    second = await recorded(books, limits)

    (found,) = await books.database.host_limits.of_living(ACCOUNT)

    assert first.number is not None
    assert second.number is not None
    assert found.number == second.number > first.number
    assert (found.host_id, found.ceiling, found.live_consent) == (HOST, limits.ceiling, True)
    assert await books.database.host_limits.first_recorded_at(ACCOUNT) is not None
    await books.database.hosts.leave(ACCOUNT, HOST)
    assert await books.database.host_limits.of_living(ACCOUNT) == ()


@pytest.mark.parametrize("change", ["UPDATE host_limits SET rules = '{}'", "DELETE FROM host_limits"])
async def test_recorded_limits_are_never_changed(books: Books, connection: asyncpg.Connection, change: str) -> None:
    await recorded(books, host_limits())

    with pytest.raises(asyncpg.CheckViolationError, match="append-only"):
        await connection.execute(change)


async def test_a_buy_refers_to_the_limits_that_it_was_sent_under(books: Books, connection: asyncpg.Connection) -> None:
    limits = await recorded(books, host_limits())
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    permit = await sent_by(books, limits, buy)

    assert permit.may_send
    assert await number_of(connection, buy) == limits.number
    found = await books.database.host_limits.referred_on(ACCOUNT, MONDAY)
    assert [each.ceiling for each in found.values()] == [limits.ceiling]


async def test_a_buy_beyond_the_hosts_limit_is_denied_whatever_the_workflow_says(
    books: Books, connection: asyncpg.Connection
) -> None:
    limits = await recorded(books, host_limits(RiskRules(capital_per_trade=Won(699_999))))
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    refused = await sent_by(books, limits, buy)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.CAPITAL_EXCEEDED
    assert refused.detail.endswith("this host's limit")
    assert await number_of(connection, buy) == limits.number
    (event,) = await books.database.events.latest(ACCOUNT, 1)
    assert (event.kind, event.detail["denial"], event.detail["detail"]) == (
        "entry_denied",
        "CAPITAL_EXCEEDED",
        refused.detail,
    )


async def test_the_host_that_sends_decides_where_hosts_differ(books: Books) -> None:
    strict = await recorded(books, host_limits(RiskRules(capital_per_trade=Won(100_000))), "machine/1/a")
    wide = await recorded(books, host_limits(), "machine/2/b")
    first = books.a_buy(await books.locked())
    await books.decided(first)
    assert not (await sent_by(books, strict, first)).may_send
    await books.database.positions.abandon(first.position_id)

    second = books.a_buy(await books.locked(), name="again")
    await books.decided(second)

    assert (await sent_by(books, wide, second)).may_send


async def turn_live(connection: asyncpg.Connection) -> None:
    """Make it an account of real money."""
    await connection.execute("UPDATE accounts SET environment = 'live' WHERE account_id = $1", ACCOUNT)


@pytest.mark.parametrize("has_limits", [True, False])
async def test_a_host_without_live_consent_sends_no_buy_of_real_money(
    books: Books, connection: asyncpg.Connection, *, has_limits: bool
) -> None:
    await turn_live(connection)
    limits = await recorded(books, host_limits(live_consent=False)) if has_limits else None
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    refused = await books.database.orders.begin_sending(
        buy.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.LIVE, limits=limits
    )

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.LIVE_NOT_CONFIRMED
    record = await books.database.orders.get(buy.intent_id)
    assert record is not None
    assert record.status is OrderStatus.DENIED


async def test_a_host_with_live_consent_sends_it(books: Books, connection: asyncpg.Connection) -> None:
    await turn_live(connection)
    limits = await recorded(books, host_limits(live_consent=True))
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    assert (await sent_by(books, limits, buy, Environment.LIVE)).may_send


async def test_shares_of_real_money_are_sold_without_consent_and_beyond_every_limit(
    books: Books, connection: asyncpg.Connection
) -> None:
    held = await books.held()
    await turn_live(connection)
    nothing = RiskRules(capital_per_trade=Won(1), fleet_daily_loss=Won(1), worker_daily_loss=Won(1))
    limits = await recorded(books, host_limits(nothing, live_consent=False))
    sale = books.a_sale(await books.locked(), held.intent.position_id)
    await books.decided(sale)

    permit = await books.database.orders.begin_sending(
        sale.intent_id, review=None, http_timeout=HTTP_TIMEOUT, environment=Environment.LIVE, limits=limits
    )

    assert permit.may_send
    assert await number_of(connection, sale) is None


async def test_buys_of_twenty_workers_at_once_stay_within_the_hosts_open_risk(books: Books) -> None:
    limits = await recorded(books, host_limits(RiskRules(fleet_daily_loss=Won(105_000), worker_daily_loss=Won(1_000))))

    async def buys(number: int) -> bool:
        symbol = Symbol(f"{number:06d}")
        buy = books.a_buy(await books.locked(WorkerId(f"worker-{number}"), symbol))
        await books.database.orders.record_entry(buy, an_opening(buy, exit_rules=ExitRules()))
        return (await sent_by(books, limits, buy)).may_send

    sent = await asyncio.gather(*(buys(number) for number in range(100, 120)))

    assert sent.count(True) == 5  # at a stop of 3 % each stakes 21,000 won
    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, a_plan().session.opens_at)
    assert snapshot.fleet_at_stake == 105_000


async def test_without_the_hosts_limits_twenty_workers_would_all_buy(books: Books) -> None:
    limits = await recorded(books, host_limits())
    loose = replace(limits, ceiling=replace(limits.ceiling, risk=LOOSE))

    async def buys(number: int) -> bool:
        buy = books.a_buy(await books.locked(WorkerId(f"worker-{number}"), Symbol(f"{number:06d}")))
        await books.decided(buy)
        return (await sent_by(books, loose, buy)).may_send

    assert all(await asyncio.gather(*(buys(number) for number in range(100, 120))))
