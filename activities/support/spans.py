"""Port for the spans of a trade that no activity of its own is. Without tracing it does nothing."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from domain.identity import PositionId


class TradeSpans(Protocol):
    """Records steps of trades."""

    def of_trade(self, position_id: PositionId, name: str) -> AbstractContextManager[object]:
        """Record the block as a step of a trade."""
        ...


class _NoSpans:
    def of_trade(self, position_id: PositionId, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()


NO_SPANS: Final[TradeSpans] = _NoSpans()
