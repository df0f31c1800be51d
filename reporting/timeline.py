"""Every worker's activity as bands of time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from database.day_seen import StateChange
from domain.identity import WorkerId
from domain.market import Symbol
from domain.worker_state import WorkerState
from reporting.reading import DayBooks
from reporting.tables import milliseconds

_BEFORE_THE_OPENING: Final = timedelta(minutes=10)


def timeline(day: DayBooks) -> dict[str, Any]:
    """Return the workers and their bands, from shortly before the opening to the last known event. Idle has no band."""
    changes = sorted(day.states, key=lambda change: (len(change.worker_id), change.worker_id))
    since = day.session.opens_at - _BEFORE_THE_OPENING
    until = max([day.session.ends_at, *(change.since for change in changes)])
    names = {each.symbol: each.name for each in day.positions}
    bands: list[dict[str, Any]] = []
    workers: list[WorkerId] = []
    for worker, own in groupby(changes, lambda change: change.worker_id):
        workers.append(worker)
        bands.extend(_bands(tuple(own), since, until, names))
    return {
        "from": _instant(since),
        "to": _instant(until),
        "hours": [_instant(hour) for hour in _hours(since, until)],
        "workers": workers,
        "bands": bands,
    }


def _bands(
    own: tuple[StateChange, ...], since: datetime, until: datetime, names: Mapping[Symbol, str]
) -> Iterator[dict[str, Any]]:
    ends = [*(change.since for change in own[1:]), until]
    for change, end in zip(own, ends, strict=True):
        begin = max(change.since, since)
        if change.state is not WorkerState.IDLE and end > begin:
            yield {
                "worker": change.worker_id,
                "state": change.state.value,
                "symbol": change.symbol,
                "name": names.get(change.symbol, "") if change.symbol else "",
                "from": _instant(begin),
                "to": _instant(end),
            }


def _hours(since: datetime, until: datetime) -> Iterator[datetime]:
    hour = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour <= until:
        yield hour
        hour += timedelta(hours=1)


def _instant(at: datetime) -> int:
    return milliseconds(at.timestamp())
