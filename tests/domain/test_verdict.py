"""Real money buys by code that has passed its verdict, or that an operator has confirmed."""

import pytest

from domain.verdict import Conclusion, Standing

SOURCE = "0123456789abcdef"


@pytest.mark.parametrize(
    ("conclusion", "because", "may_buy"),
    [
        (Conclusion.PASS, "", True),
        (Conclusion.NOT_ENOUGH, "", False),
        (Conclusion.NO_EDGE, "", False),
        (None, "", False),
        (Conclusion.NO_EDGE, "a trial", True),
        (None, "a trial", True),
    ],
)
def test_who_may_buy(conclusion: Conclusion | None, because: str, may_buy: bool) -> None:
    standing = Standing("momentum", SOURCE, conclusion, because)

    assert standing.may_buy is may_buy
    assert (standing.objection == "") is may_buy


def test_an_objection_names_code_verdict_and_remedy() -> None:
    text = Standing("momentum", SOURCE, Conclusion.NO_EDGE).objection

    assert text.startswith("momentum (0123456789ab) has the verdict no_edge_after_costs")
    assert "`starter.py verdict momentum` or `starter.py unproven accept momentum`" in text
