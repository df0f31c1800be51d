"""A line of a statement as text: both books, the named part of the difference, and the rest."""

import pytest

from domain.money import Won
from domain.statement import WHOLE_ACCOUNT, Figure, Line, line_in_words
from tests.support.builders import SAMSUNG


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            Line(SAMSUNG, Figure.BOUGHT, Won(1_000), Won(1_000)),
            "005930 bought: ledger 1,000, broker 1,000",
        ),
        (
            Line(WHOLE_ACCOUNT, Figure.REALISED_TODAY, Won(-5_000), Won(7_000), {"owners_cost": Won(12_000)}),
            "account realised today: ledger -5,000, broker 7,000 (+12,000 owners cost)",
        ),
        (
            Line(SAMSUNG, Figure.TAX, Won(10), Won(4_331), {"rounding": Won(1), "costs_left_out": Won(-2)}),
            "005930 tax: ledger 10, broker 4,331 (+1 rounding, -2 costs left out, +4,322 UNEXPLAINED)",
        ),
    ],
)
def test_a_line_says_what_both_books_show_and_why(line: Line, words: str) -> None:
    assert line_in_words(line) == words


def test_what_is_not_named_of_the_difference_is_unexplained() -> None:
    line = Line(SAMSUNG, Figure.SOLD, Won(500), Won(450), {"rounding": Won(-30)})

    assert (line.difference, line.unexplained) == (-50, -20)
