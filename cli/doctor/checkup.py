"""Run checks in order, each with a verdict and a fix. Checks that need a failed one are skipped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reporting.spoken import padded, say
from runtime.faults import explain

TEXT_BEGINS: Final = 24
"""Columns of a line before its text: verdict and name."""
_PATIENCE: Final = 30.0
"""Seconds for one check. On paper, several calls of one second each may have to wait for their turn."""


class Verdict(StrEnum):
    """Result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check with its text. ``opens`` says whether dependent checks may run."""

    verdict: Verdict
    text: str
    fix: str = ""
    opens: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """A named check. ``fix`` is shown when the check itself fails."""

    name: str
    look: Callable[[], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the check-up."""

    name: str
    verdict: Verdict
    text: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"\n{'':{TEXT_BEGINS}}{say('fix')}: {say(self.fix)}" if self.fix else ""
        return f"{padded(say(self.verdict), 10)}{padded(say(self.name), TEXT_BEGINS - 10)}{say(self.text)}{fix}"


def fine(text: str) -> Finding:
    """Return a passed result."""
    return Finding(Verdict.OK, text)


def startable(text: str) -> Finding:
    """Return a passed result for a part that does not run yet; dependent checks are skipped."""
    return Finding(Verdict.OK, text, opens=False)


def doubtful(text: str, fix: str) -> Finding:
    """Return a warning for the operator; later checks continue."""
    return Finding(Verdict.WARN, text, fix)


def wrong(text: str, fix: str) -> Finding:
    """Return a failure that must be fixed first."""
    return Finding(Verdict.FAIL, text, fix, opens=False)


async def examine(checks: Sequence[Check], expected: tuple[type[Exception], ...]) -> AsyncIterator[Line]:
    """Run the checks in order. An expected error is a failure; any other error propagates."""
    shut: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in shut]
        if missing:
            shut.add(check.name)
            yield Line(check.name, Verdict.NOT_TRIED, f"needs {missing[0]}")
            continue
        finding = await _looked(check, expected)
        if not finding.opens:
            shut.add(check.name)
        yield Line(check.name, finding.verdict, finding.text, finding.fix)


async def _looked(check: Check, expected: tuple[type[Exception], ...]) -> Finding:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await check.look()
    except TimeoutError:
        return wrong(f"no answer within {_PATIENCE:.0f} s", check.fix)
    except expected as error:
        return wrong(explain(error), check.fix)


def all_well(lines: Collection[Line]) -> bool:
    """Return whether no check failed."""
    return all(line.verdict is not Verdict.FAIL for line in lines)
