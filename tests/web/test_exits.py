"""The exits of a position: which is nearest and how far, which waits, and when the times come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Price
from domain.rules import ExitRules
from tests.support.builders import NOW, an_open_position
from web.exits import exits_of, nearest_of

SALE = NOW + timedelta(hours=5)


def at(last: int, best: int = 0, rules: ExitRules | None = None) -> list[dict[str, object]]:
    """Return the exits of shares bought at 70,000 won."""
    held = an_open_position(last_price=Price(last), high_water_mark=Price(max(best, last)))
    return exits_of(replace(held, exit_rules=rules or held.exit_rules), NOW, SALE)


@pytest.mark.parametrize(
    ("last", "best", "rule", "price", "won"),
    [
        (68_200, 70_000, "stop_loss", 67_900, -300),
        (73_400, 73_400, "take_profit", 73_500, 100),
        (71_000, 72_000, "trailing_stop", 70_920, -80),
    ],
)
def test_the_nearest_exit_is_named_with_its_distance(last: int, best: int, rule: str, price: int, won: int) -> None:
    nearest = nearest_of(at(last, best))

    assert nearest is not None
    assert (nearest["rule"], nearest["price"], nearest["won"]) == (rule, price, won)
    assert nearest["percent"] == round(won / last * 100, 2)


def test_a_trailing_stop_that_is_not_armed_shows_the_price_that_arms_it_and_is_never_the_nearest() -> None:
    found = at(71_390)

    trailing = next(each for each in found if each["rule"] == "trailing_stop")
    assert (trailing["price"], trailing["waits"]) == (71_400, True)
    assert nearest_of(found) is not trailing


def test_the_times_follow_the_prices_with_the_earlier_one_first() -> None:
    assert [each["rule"] for each in at(70_000)[-2:]] == ["time_stop", "deadline"]
    assert at(70_000)[-1] == {"rule": "deadline", "at": "15:00:00", "seconds": 5 * 3600}
    assert at(70_000)[-2]["seconds"] == 110 * 60


def test_rules_that_are_off_have_no_exit() -> None:
    zero = ExitRules().stop_loss * 0
    off = ExitRules(zero, zero, zero, zero, timedelta(0), zero, timedelta(0))

    assert [each["rule"] for each in at(70_000, rules=off)] == ["deadline"]
    assert nearest_of(at(70_000, rules=off)) is None
