"""Whether a strategy's code has passed its trial on recorded data, and what real money requires if it has not."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

_SHOWN: Final = 12
"""Characters of a source hash that are shown, as ``strategy list`` shows them."""


class Conclusion(StrEnum):
    """What a backtest says about a strategy's edge."""

    PASS = "pass"  # noqa: S105 - a conclusion, not a password
    NOT_ENOUGH = "not_enough_evidence"
    NO_EDGE = "no_edge_after_costs"


CONCLUSIONS: Final[Mapping[Conclusion, str]] = {
    Conclusion.PASS: "pass",
    Conclusion.NOT_ENOUGH: "not enough evidence",
    Conclusion.NO_EDGE: "no edge after costs",
}
"""Conclusions in words."""


@dataclass(frozen=True, slots=True)
class StrategyVerdict:
    """The latest verdict on a strategy's code. ``judged_at`` is real time."""

    strategy: str
    source: str
    conclusion: Conclusion
    backtest: str
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one strategy's code: its verdict, and why an operator trades it without a passing one."""

    strategy: str
    source: str
    conclusion: Conclusion | None
    accepted_because: str = ""

    @property
    def has_passed(self) -> bool:
        """Return whether the verdict is a pass."""
        return self.conclusion is Conclusion.PASS

    @property
    def may_buy(self) -> bool:
        """Return whether real money may buy by this code."""
        return self.has_passed or bool(self.accepted_because)

    @property
    def objection(self) -> str:
        """Return why real money may not buy by this code; empty if it may."""
        if self.may_buy:
            return ""
        if self.conclusion is None:
            return (
                f"{self.strategy} ({self.source[:_SHOWN]}) has no verdict, and real money does not buy by it: run "
                f"`starter.py verdict {self.strategy}` or `starter.py unproven accept {self.strategy}`"
            )
        return (
            f"{self.strategy} ({self.source[:_SHOWN]}) has the verdict {self.conclusion.value}, and real money does "
            f"not buy by it: run `starter.py verdict {self.strategy}` or `starter.py unproven accept {self.strategy}`"
        )


def standings(
    codes: Iterable[tuple[str, str]], verdicts: Collection[StrategyVerdict], accepted: Mapping[tuple[str, str], str]
) -> tuple[Standing, ...]:
    """Return the standing of each code.

    Args:
        codes: strategies and the hashes of their sources. Code without a hash has no verdict.
        verdicts: the latest verdict of each strategy and source.
        accepted: by strategy and source, why an operator trades it without a passing verdict.
    """
    known = {(each.strategy, each.source): each.conclusion for each in verdicts if each.source}
    return tuple(
        Standing(name, source, known.get((name, source)), accepted.get((name, source), "") if source else "")
        for name, source in codes
    )
