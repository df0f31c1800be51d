"""The watch request of a worker as it is stored in the ledger."""

from typing import Any, Final

from pydantic import TypeAdapter

from activities.watch.messages import WatchRequest
from domain.watch import WatchRow

_REQUEST: Final = TypeAdapter(WatchRequest)


def as_json(request: WatchRequest) -> dict[str, Any]:
    """Return the request as JSON."""
    stored: dict[str, Any] = _REQUEST.dump_python(request, mode="json")
    return stored


def request_in(row: WatchRow) -> WatchRequest:
    """Return the request of a row.

    Raises:
        ValueError: it cannot be read, has a deadline without a time zone, or concerns another position.
    """
    request = _REQUEST.validate_python(row.request)
    if request.deadline.utcoffset() is None:
        raise ValueError(f"the watch of {row.symbol} for {row.worker_id} has a deadline without a time zone")
    named = (request.position_id, request.symbol, request.lease.worker_id, request.lease.fencing_token)
    if named != (row.position_id, row.symbol, row.worker_id, row.fencing_token):
        raise ValueError(f"the watch of {row.symbol} for {row.worker_id} asks for {request.symbol}")
    return request
