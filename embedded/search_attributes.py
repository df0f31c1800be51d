"""Making a Temporal namespace know our search attributes, whichever server it is on."""

from collections.abc import Collection, Sequence
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

SearchAttributes = Sequence[SearchAttributeKey[Any]]


async def missing_search_attributes(
    client: Client, attributes: SearchAttributes
) -> dict[str, IndexedValueType.ValueType]:
    """Return the search attributes that the client's namespace does not have yet, with their types."""
    known = await _registered(client)
    return {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in attributes if key.name not in known}


async def ensure_search_attributes(client: Client, attributes: SearchAttributes) -> None:
    """Register the search attributes that the client's namespace does not have yet."""
    missing = await missing_search_attributes(client, attributes)
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process of the fleet may have been first.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _registered(client: Client) -> Collection[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        return (await client.operator_service.list_search_attributes(request)).custom_attributes
    except RPCError as error:
        # The time-skipping server can add search attributes, but not list them.
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return ()
        raise
