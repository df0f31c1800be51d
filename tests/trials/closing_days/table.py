"""The days in a table, by trouble."""

from collections.abc import Callable, Sequence

from tests.trials.closing_days.judge import Ending, Verdict
from tests.trials.closing_days.plan import LIKELY, Trouble, plan_of

_COLUMNS = ("days", "positions", "flat", "carried, named", "positions carried", "wrong", "won apart")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return one line for each kind of trouble and one for all days, and a line for each wrong day."""
    kinds = {verdict.seed: plan_of(verdict.seed).kinds for verdict in verdicts}
    lines = [_line("| ", ("befell the day", *_COLUMNS)), _line("| ", ("---", *("--:" for _ in _COLUMNS)))]
    lines.extend(_row(kind, [each for each in verdicts if kind in kinds[each.seed]]) for kind in (*Trouble, *LIKELY))
    lines.append(_row("nothing", [verdict for verdict in verdicts if not kinds[verdict.seed]]))
    evening = [verdict for verdict in verdicts if plan_of(verdict.seed).after_market]
    lines.append(_row("(after-market allowed)", evening))
    lines.append(_row("**all**", verdicts))
    for verdict in verdicts:
        lines.extend(f"seed {verdict.seed}: {complaint}" for complaint in verdict.complaints)
    return "\n".join(lines) + "\n"


def _row(name: str, verdicts: Sequence[Verdict]) -> str:
    def count(is_so: Callable[[Verdict], bool]) -> int:
        return sum(1 for verdict in verdicts if is_so(verdict))

    figures = (
        len(verdicts),
        sum(verdict.positions for verdict in verdicts),
        count(lambda each: each.ending is Ending.FLAT),
        count(lambda each: each.ending is Ending.CARRIED),
        sum(len(verdict.carried) for verdict in verdicts),
        count(lambda each: each.ending is Ending.WRONG),
        sum(abs(verdict.difference) for verdict in verdicts),
    )
    return _line("| ", (name, *(f"{figure:,}" for figure in figures)))


def _line(start: str, cells: Sequence[str]) -> str:
    return start + " | ".join(cells) + " |"
