"""The result of a rollout: what must hold, a table of figures, and the causes if it does not."""

from collections import Counter
from collections.abc import Iterator, Sequence

from domain.event_kind import EventKind
from fleet.duties.unattended_sales import SELLER
from tools.rollout.played import Played
from tools.rollout.runs import ON_PURPOSE, SeenRun
from tools.rollout.watched import HAND_OVER
from workflows.identity import worker_of


def violations(played: Played, hand_over: float = HAND_OVER) -> list[str]:
    """Return what a rollout must not show. ``hand_over``: real seconds that a hand-over may take."""
    longest = max(played.gaps.longest.values(), default=0.0)
    found = [
        f"{run.workflow_id} {run.run_id}: {count} failed workflow tasks, {cause}"
        for run in played.runs
        for cause, count in _failed(run, played).items()
    ]
    found += [f"{run.workflow_id} {run.run_id}: its trade moved between builds" for run in _moved(played)]
    if longest > hand_over:
        found.append(f"a position was unwatched for {longest:.1f} s, and a hand-over may take {hand_over:.1f} s")
    if played.left:
        found.append(f"{played.left} positions are left")
    missing = played.trades - len(_sold_by_a_run(played)) - _taken_over(played)
    if missing > 0:
        found.append(f"{missing} trades without a run or a host that sold; {_by_worker(played)}")
    found += [f"{each.invariant}: {each.what}" for kind in played.verdict.found.values() for each in kind]
    return found


def table(played: Sequence[Played]) -> str:
    """Return a Markdown table, one column a rollout."""
    heads = ["", *(each.name for each in played)]
    rows = [heads, ["---"] * len(heads)]
    columns = [dict(_figures(each)) for each in played]
    names = dict.fromkeys(name for column in columns for name in column)
    rows += [[name, *(column.get(name, "–") for column in columns)] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def result_json(played: Played, hand_over: float) -> dict[str, object]:
    """Return the figures and the violations as plain values."""
    return {
        "name": played.name,
        "figures": dict(_figures(played)),
        "longest": played.gaps.longest,
        "violations": violations(played, hand_over),
    }


def _figures(played: Played) -> Iterator[tuple[str, str]]:
    sold = _sold_by_a_run(played)
    by_build = Counter(build for run in sold for build in run.builds)
    yield "positions held", str(played.positions)
    yield "trades", str(played.trades)
    yield "trades that ended on each build", ", ".join(f"{count} on {name}" for name, count in sorted(by_build.items()))
    yield "trades that moved between builds", str(len(_moved(played)))
    yield "sales that a host took over from a slow or stuck workflow", str(_taken_over(played))
    yield "runs read", str(len(played.runs))
    yield (
        f"failed workflow tasks{', without those on purpose' * bool(played.stuck)}",
        str(sum(_failed(run, played).total() for run in played.runs)),
    )
    if played.stuck:
        yield "runs that failed on stuck builds", str(sum(ON_PURPOSE in run.failed for run in played.runs))
        times = ", ".join(f"{each:.1f}" for each in (min(played.sold_while_stuck), max(played.sold_while_stuck)))
        yield "stop crossed → sale at the broker, of stuck runs: least, most (s)", times
        yield "sold while stuck", str(len(played.sold_while_stuck))
    yield "longest without a watch (s)", f"{max(played.gaps.longest.values(), default=0.0):.1f}"
    yield f"position-seconds unwatched beyond a hand-over of {HAND_OVER:.0f} s", f"{played.gaps.beyond:.1f}"
    yield "positions left", str(played.left)
    yield "violations of I1 to I11", str(played.verdict.count)


def phases(played: Played) -> Iterator[str]:
    """Yield the longest time without a watch of each phase."""
    for name, seconds in played.gaps.longest.items():
        yield f"{seconds:5.1f} s  {name}"


def _failed(run: SeenRun, played: Played) -> Counter[str]:
    """Return the failed tasks of a run by cause, without those that a stuck build fails on purpose."""
    return Counter({cause: count for cause, count in run.failed.items() if not (played.stuck and cause == ON_PURPOSE)})


def _moved(played: Played) -> list[SeenRun]:
    """Return the runs that sold, and changed the build or did not buy themselves; a stuck build's trades must move."""
    sold = _sold_by_a_run(played)
    return [each for each in sold if len(each.builds) > 1 or each.overridden or not (each.buys or played.stuck)]


def _taken_over(played: Played) -> int:
    """Return how many sales a host has taken over; the workflow may still have ended one."""
    events = (each.event for each in played.verdict.books.ledger.events)
    return sum(each.kind is EventKind.POSITION_ADOPTED and each.worker_id == SELLER for each in events)


def _by_worker(played: Played) -> str:
    sold = Counter(known[1] for run in _sold_by_a_run(played) if (known := worker_of(run.workflow_id)))
    booked = Counter(each.worker_id for each in played.verdict.books.ledger.trades)
    return ", ".join(
        f"{name}: {booked[name]} trades, {sold[name]} runs" for name in booked if booked[name] != sold[name]
    )


def _sold_by_a_run(played: Played) -> list[SeenRun]:
    return [run for run in played.runs if run.is_worker and run.sells]
