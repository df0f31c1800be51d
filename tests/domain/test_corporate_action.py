"""A changed quantity and base price overnight: one holding after a corporate action, or no explanation at all."""

import pytest

from domain.corporate_action import restated
from domain.money import Price, Quantity


def found(ours: int, others: int, shown: int, last: int, base: int) -> int | None:
    return restated(Quantity(ours), Quantity(others), Quantity(shown), Price(last), Price(base))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((10, 0, 50, 70_000, 14_000), 50),
        ((10, 0, 50, 71_400, 14_000), 50),  # our last price was not that of the close
        ((10, 5, 75, 70_000, 14_000), 50),  # the owner's own five shares are split, too
        ((17, 0, 1, 1_000, 10_000), 1),  # a fraction is paid in cash
        ((100, 0, 10, 1_000, 10_000), 10),
        ((100, 0, 150, 9_000, 6_000), 150),  # bonus shares, one for two
    ],
)
def test_shares_that_fit_the_base_price_are_ours(case: tuple[int, int, int, int, int], expected: int) -> None:
    assert found(*case) == expected


@pytest.mark.parametrize(
    ("ours", "others", "shown", "last", "base"),
    [
        (10, 0, 50, 70_000, 70_000),  # the owner bought forty
        (10, 0, 2, 70_000, 70_000),  # shares are missing
        (10, 0, 10, 70_000, 14_000),  # not in the account yet
        (10, 0, 20, 70_000, 14_000),
        (10, 5, 15, 70_000, 14_000),
        (10, 0, 0, 70_000, 14_000),
        (10, 0, 11, 70_000, 65_000),  # an ordinary fall
        (3, 300, 30, 1_000, 10_000),  # less than a share of ours is left
    ],
)
def test_anything_else_is_not_explained(ours: int, others: int, shown: int, last: int, base: int) -> None:
    assert found(ours, others, shown, last, base) is None
