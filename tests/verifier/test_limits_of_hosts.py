"""The verifier checks each buy against its host's limits in the books; in doubt the buy passes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from database.host_limits import BookedResult, RecordedLimits
from domain.host_limits import ceiling_of
from domain.identity import Environment, PositionId, WorkerId
from domain.market import Side
from domain.money import Rate, Won
from domain.rules import RiskRules, UniverseRules
from tests.support.builders import HYNIX, POSITION, WORKER, some_rules
from tests.verifier.a_day import a_clean_day, after, an_audited_order, with_ledger, with_order
from verifier.books import Books
from verifier.limits import within_host_limits

OTHER = WorkerId("worker-2")
STOP = Rate("0.03")


def found_in(books: Books) -> list[str]:
    return [each.what for each in within_host_limits(books)]


def under(books: Books, risk: RiskRules | None = None, universe: UniverseRules | None = None, **about: object) -> Books:
    """Return a day whose buy (ten shares at 70,000 won) was sent by a host with limits."""
    rules = some_rules(risk=risk or RiskRules(), universe=universe or UniverseRules())
    limits = RecordedLimits(7, "host", "machine", Environment.SIMULATED, after(-999), False, ceiling_of(rules))
    books = with_order(books, 0, host_limits=7) if books.ledger.orders[0].host_limits is None else books
    known = {7: replace(limits, **about)}  # type: ignore[arg-type]
    return with_ledger(books, host_limits=known, limits_since=after(-999), stops={POSITION: STOP})


def a_result(net: int, at: float = -60, worker: WorkerId = WORKER, name: str = "earlier") -> BookedResult:
    """Return a trade booked so many seconds from the buy."""
    return BookedResult(PositionId(name), worker, Won(net), after(at), after(at))


def booked(*results: BookedResult) -> Books:
    return with_ledger(a_clean_day(), results=results)


def beside_a_held_buy(books: Books) -> Books:
    """Return a day in which another worker bought the same amount a minute before, and holds it."""
    earlier = an_audited_order(3, Side.BUY, -60, intent_id="run-2/1", position_id="run-2/1", worker_id=OTHER)
    orders = (replace(earlier, sent_at=after(-60), host_limits=7), *books.ledger.orders)
    return with_ledger(books, orders=orders, stops={POSITION: STOP, PositionId("run-2/1"): STOP})


def test_a_day_within_its_hosts_limits_is_clean() -> None:
    assert found_in(under(a_clean_day())) == []


def test_a_day_from_before_hosts_recorded_limits_is_clean() -> None:
    assert found_in(a_clean_day()) == []
    assert found_in(with_ledger(a_clean_day(), limits_since=after(30))) == []


PLANTED: list[tuple[str, Callable[[], Books]]] = [
    ("a buy sent without a host's limits", lambda: with_ledger(a_clean_day(), limits_since=after(-999))),
    (
        "a buy above its host's capital limit",
        lambda: under(a_clean_day(), RiskRules(capital_per_trade=Won(699_999))),
    ),
    (
        "a buy of a stock that its host does not allow",
        lambda: under(a_clean_day(), universe=UniverseRules(0, (HYNIX,))),
    ),
    (
        "a buy with real money that its host does not confirm",
        lambda: under(a_clean_day(), environment=Environment.LIVE),
    ),
    (
        "a buy past its host's loss limit of a worker",
        lambda: under(booked(a_result(-100_000)), RiskRules(worker_daily_loss=Won(100_000))),
    ),
    (
        "a buy past its host's loss limit of the fleet",
        lambda: under(booked(a_result(-200_000, worker=OTHER)), RiskRules(fleet_daily_loss=Won(200_000))),
    ),
    (
        "a buy past its host's limit of open risk",
        lambda: under(a_clean_day(), RiskRules(fleet_daily_loss=Won(20_999))),
    ),
    (
        "a buy past its host's limit of open risk",
        lambda: beside_a_held_buy(under(a_clean_day(), RiskRules(fleet_daily_loss=Won(41_999)))),
    ),
    (
        "a buy past its host's number of trades",
        lambda: under(booked(a_result(1, name="a"), a_result(1, name="b")), RiskRules(trades_per_worker=2)),
    ),
    (
        "a buy within its host's pause after a loss",
        lambda: under(booked(a_result(-1)), RiskRules(cooldown_after_loss=timedelta(seconds=71))),
    ),
    (
        "a buy within its host's pause after a losing streak",
        lambda: under(
            booked(a_result(-1, name="a"), a_result(-1, name="b")),
            RiskRules(losses_in_a_row=2, cooldown_after_loss=timedelta(0), cooldown_after_streak=timedelta(minutes=2)),
        ),
    ),
    (
        "a buy after more profit was given back than its host allows",
        lambda: under(
            booked(a_result(100_000, -90, OTHER, "a"), a_result(-60_000, -60, OTHER, "b")),
            RiskRules(give_back_from=Won(100_000), give_back_share=Rate("0.5")),
        ),
    ),
]


@pytest.mark.parametrize(("what", "books"), PLANTED, ids=[what for what, _ in PLANTED])
def test_a_buy_beyond_a_limit_is_found(what: str, books: Callable[[], Books]) -> None:
    assert what in found_in(books())


INNOCENT: list[tuple[str, Callable[[], Books]]] = [
    ("as much as allowed", lambda: under(a_clean_day(), RiskRules(capital_per_trade=Won(700_000)))),
    ("risk as much as allowed", lambda: under(a_clean_day(), RiskRules(fleet_daily_loss=Won(21_000)))),
    (
        "a loss that was booked as the buy was sent",
        lambda: under(booked(a_result(-100_000, -2)), RiskRules(worker_daily_loss=Won(100_000))),
    ),
    (
        "a loss that was corrected to a gain",
        lambda: under(booked(a_result(-5), a_result(10)), RiskRules(cooldown_after_loss=timedelta(hours=1))),
    ),
    (
        "a loss of another worker",
        lambda: under(booked(a_result(-1, worker=OTHER)), RiskRules(cooldown_after_loss=timedelta(hours=1))),
    ),
    (
        "a gain after losses",
        lambda: under(
            booked(a_result(-1, -90, name="a"), a_result(-1, -80, name="b"), a_result(1, -70, name="c")),
            RiskRules(losses_in_a_row=2, cooldown_after_loss=timedelta(0)),
        ),
    ),
    (
        "real money that its host confirms",
        lambda: under(a_clean_day(), environment=Environment.LIVE, live_consent=True),
    ),
    (
        "a loss after the buy",
        lambda: under(booked(a_result(-9_000_000, 30)), RiskRules(worker_daily_loss=Won(1))),
    ),
]


@pytest.mark.parametrize(("name", "books"), INNOCENT, ids=[name for name, _ in INNOCENT])
def test_what_is_within_a_limit_is_not(name: str, books: Callable[[], Books]) -> None:
    assert found_in(books()) == [], name


def test_an_adopted_buy_is_judged_by_the_worker_that_decided_it() -> None:
    """Its row names the worker that took it over, whose own losses are unrelated."""
    day = under(booked(a_result(-1, worker=OTHER)), RiskRules(cooldown_after_loss=timedelta(hours=1)))
    adopted = with_order(day, 0, host_limits=7, worker_id=OTHER)

    assert found_in(adopted) == []


def test_a_position_that_the_owner_sold_stakes_nothing_any_more() -> None:
    day = beside_a_held_buy(under(booked(a_result(0, -30, OTHER, "run-2/1")), RiskRules(fleet_daily_loss=Won(41_999))))

    assert found_in(day) == []


def test_a_position_that_was_sold_before_stakes_nothing_any_more() -> None:
    day = under(a_clean_day(), RiskRules(fleet_daily_loss=Won(41_999)))
    later = an_audited_order(4, Side.BUY, 120, intent_id="run-2/1", position_id="run-2/1", worker_id=OTHER)
    orders = (*day.ledger.orders, replace(later, sent_at=after(120), host_limits=7))
    day = with_ledger(day, orders=orders, stops={POSITION: STOP, PositionId("run-2/1"): STOP})

    assert found_in(day) == []
