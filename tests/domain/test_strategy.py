"""A strategy's answer is validated before it is used."""

from decimal import Decimal
from typing import Any

import pytest

from domain.strategy import EntrySignal, objection_to_flag, objection_to_parameters, objection_to_signal, strongest

LONG = "x" * 10_000


class Text(str):
    """A str that could override operators."""

    __slots__ = ()


def a_signal(confidence: Any = "0.5", strategy: Any = "momentum", version: Any = "1", reason: Any = "it rises") -> Any:
    return EntrySignal(strategy, version, Decimal(confidence) if isinstance(confidence, str) else confidence, reason)


@pytest.mark.parametrize("answer", [None, a_signal("0"), a_signal("1"), a_signal(reason="")])
def test_a_sound_answer_meets_no_objection(answer: object) -> None:
    assert objection_to_signal(answer, "momentum") == ""


@pytest.mark.parametrize(
    ("answer", "objection"),
    [
        ("buy", "a str, not a signal"),
        (a_signal("-0.1"), "a confidence that is not a Decimal from 0 to 1"),
        (a_signal("1.1"), "a confidence that is not a Decimal from 0 to 1"),
        (a_signal("NaN"), "a confidence that is not a Decimal from 0 to 1"),
        (a_signal(0.5), "a confidence that is not a Decimal from 0 to 1"),
        (a_signal(reason=LONG), "a name, version or reason that is not one line of text"),
        (a_signal(reason="two\nlines"), "a name, version or reason that is not one line of text"),
        (a_signal(version=1), "a name, version or reason that is not one line of text"),
        (a_signal(version=Text("1")), "a name, version or reason that is not one line of text"),
        (a_signal(strategy=b"momentum"), "a name, version or reason that is not one line of text"),
        (a_signal(strategy="breakout"), "a signal with another strategy's name"),
    ],
)
def test_an_odd_answer_is_named(answer: object, objection: str) -> None:
    assert objection_to_signal(answer, "momentum") == objection


@pytest.mark.parametrize(
    ("answer", "objection"),
    [(True, ""), (False, ""), (1, "a int, not a bool"), (None, "a NoneType, not a bool")],
)
def test_a_flag_is_yes_or_no(answer: object, objection: str) -> None:
    assert objection_to_flag(answer) == objection


@pytest.mark.parametrize("answer", [{}, {"window": "600"}])
def test_parameters_are_lines_of_text_by_name(answer: object) -> None:
    assert objection_to_parameters(answer) == ""


@pytest.mark.parametrize("answer", [None, [], {"window": 600}, {1: "600"}, {"window": LONG}, {"window": "a\nb"}])
def test_other_parameters_are_refused(answer: object) -> None:
    assert objection_to_parameters(answer) == "parameters that are not one line of text each"


def test_the_strongest_of_two_signals_is_the_first_of_equal_ones() -> None:
    weak, strong, equal = a_signal("0.4"), a_signal("0.6"), a_signal("0.6", version="2")

    assert strongest(weak, strong) == strongest(strong, weak) == strong
    assert strongest(strong, equal) == strong
    assert strongest(None, weak) == strongest(weak, None) == weak
    assert strongest(None, None) is None
