"""Outage results: a timeline for each, and one Markdown table for all."""

from collections.abc import Iterator, Sequence

from tools.chaos.outages import Stood

_HEAD = ("away", "during", "seconds", "the order", "its fate known", "next order", "flat", "violations")
_MOST_LINES = 30
_AROUND = 12


def timeline(stood: Stood) -> Iterator[str]:
    """Yield the book entries around the outage; seconds count from its start."""
    before = [line for line in stood.lines if line.at < stood.began]
    later = [line for line in stood.lines if line.at >= stood.began]
    for line in before[-_AROUND:]:
        yield _entry((line.at - stood.began).total_seconds(), line.what)
    yield _entry(0.0, f"--- {stood.outage.part} goes away")
    end_written = False
    for line in later[:_MOST_LINES]:
        if line.at >= stood.ended and not end_written:
            end_written = True
            yield _entry((stood.ended - stood.began).total_seconds(), f"--- {stood.outage.part} may come back")
        yield _entry((line.at - stood.began).total_seconds(), line.what)


def outages_table(stood: Sequence[Stood]) -> str:
    """Return one row per outage; seconds count from the outage's end and are negative while it lasts."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(_row(each) for each in stood)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(stood: Stood) -> tuple[str, ...]:
    outage = stood.outage
    return (
        outage.part.value,
        outage.moment.value,
        f"{outage.seconds:.0f}",
        stood.final_status.value,
        _seconds(stood.after(stood.known_again)),
        _seconds(stood.after(stood.ordered_again)),
        "yes" if stood.closed is not None and stood.closed.flat else "NO",
        str(stood.verdict.count),
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} s"


def _entry(seconds: float, what: str) -> str:
    mark = "*" if what.startswith("---") else " "
    return f"{mark}{seconds:+8.1f} s  {what}"
