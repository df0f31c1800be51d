"""Register our search attributes in a Temporal namespace, on any server."""

from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from runtime.embedded.errors import OddSearchAttributesError

SearchAttributes = Sequence[SearchAttributeKey[Any]]


async def missing_search_attributes(
    client: Client, attributes: SearchAttributes
) -> dict[str, IndexedValueType.ValueType]:
    """Return the search attributes that the client's namespace lacks, with their types."""
    known = await _registered(client)
    return {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in attributes if key.name not in known}


async def odd_search_attributes(client: Client, attributes: SearchAttributes) -> list[str]:
    """Return the names of our attributes that the namespace has with another type. No workflow can set them."""
    known = await _registered(client)
    return sorted(
        key.name for key in attributes if known.get(key.name, key.indexed_value_type) != key.indexed_value_type
    )


async def ensure_search_attributes(client: Client, attributes: SearchAttributes) -> None:
    """Register the search attributes that the client's namespace lacks.

    Raises:
        OddSearchAttributesError: the namespace has some of them with another type.
    """
    if odd := await odd_search_attributes(client, attributes):
        raise OddSearchAttributesError(
            f"Temporal's namespace {client.namespace} has search attributes of foreign types under our names: "
            f"{', '.join(odd)}. Remove them there, or use another namespace (TEMPORAL_NAMESPACE)."
        )
    missing = await missing_search_attributes(client, attributes)
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process of the fleet may have registered them first.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _registered(client: Client) -> Mapping[str, IndexedValueType.ValueType]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        return (await client.operator_service.list_search_attributes(request)).custom_attributes
    except RPCError as error:
        # The time-skipping server can add search attributes, but not list them.
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return {}
        raise
