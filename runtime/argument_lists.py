"""Accept activities that a host of an earlier build has scheduled with several arguments instead of one request."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from pydantic import TypeAdapter
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.closing import OpenOrdersRequest, PlanCloseRequest
from activities.resolving import ResolveRequest
from activities.support.requests import SessionRequest

REQUESTS: Final[Mapping[str, type]] = {
    "plan_close": PlanCloseRequest,
    "shut_entries": SessionRequest,
    "order_liquidation": SessionRequest,
    "list_open_orders": OpenOrdersRequest,
    "prove_flat": SessionRequest,
    "resolve_order": ResolveRequest,
    "tell_unsold": SessionRequest,
}
"""By activity; the old arguments are the request's first fields, in this order."""


class ArgumentLists(Interceptor):
    """Turns an old argument list into the request that the activity takes now."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Return the interceptor of one activity."""
        return _OfOneActivity(next)


class _OfOneActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        request = REQUESTS.get(activity.info().activity_type)
        if request is not None and len(input.args) > 1:
            # The SDK ignores the types of a list of another length: these are plain JSON values.
            names = (field.name for field in fields(request))
            input.args = [TypeAdapter(request).validate_python(dict(zip(names, input.args, strict=False)))]
        return await super().execute_activity(input)
