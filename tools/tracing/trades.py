"""Traces of trades as they arrive, until each is settled."""

import threading
from collections.abc import Iterable
from typing import Final

from tools.tracing.receiver import Received

_MOST: Final = 2_000
"""Traces that are kept; the oldest one goes first."""


class Trades:
    """Spans by trace, from any number of hosts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: dict[str, list[Received]] = {}

    def take(self, spans: Iterable[Received]) -> None:
        """Add spans that have arrived."""
        with self._lock:
            for span in spans:
                self._traces.setdefault(span.trace_id, []).append(span)
            while len(self._traces) > _MOST:
                del self._traces[next(iter(self._traces))]

    def all(self) -> dict[str, tuple[Received, ...]]:
        """Return the spans by trace."""
        with self._lock:
            return {trace_id: tuple(spans) for trace_id, spans in self._traces.items()}

    def settled(self) -> dict[str, tuple[Received, ...]]:
        """Return the traces of settled trades whose first span has arrived."""
        return {trace_id: spans for trace_id, spans in self.all().items() if is_settled(spans)}


def is_settled(spans: Iterable[Received]) -> bool:
    """Return whether a trace reaches from the candidate to the settlement."""
    spans = tuple(spans)
    return any(not each.parent_id for each in spans) and any(
        each.attributes.get("haru.outcome") == "settled" for each in spans
    )
