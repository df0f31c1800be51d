"""Register our search attributes in a Temporal namespace, on any server."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from runtime.embedded.errors import MissingSearchAttributesError, OddSearchAttributesError

SearchAttributes = Sequence[SearchAttributeKey[Any]]
_REFUSED: Final = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}
"""Temporal Cloud keeps its namespaces by an API of its own and refuses the server's."""
_CLOUD: Final = (".tmprl.cloud", ".temporal.io")
_TYPES: Final = {
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
    IndexedValueType.INDEXED_VALUE_TYPE_INT: "Int",
}
"""The types that we use, as both command line tools spell them."""


async def missing_search_attributes(
    client: Client, attributes: SearchAttributes
) -> dict[str, IndexedValueType.ValueType]:
    """Return the search attributes that the client's namespace lacks, with their types."""
    known = await _registered(client, attributes)
    return {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in attributes if key.name not in known}


async def odd_search_attributes(client: Client, attributes: SearchAttributes) -> list[str]:
    """Return the names of our attributes that the namespace has with another type. No workflow can set them."""
    known = await _registered(client, attributes)
    return sorted(
        key.name for key in attributes if known.get(key.name, key.indexed_value_type) != key.indexed_value_type
    )


async def ensure_search_attributes(client: Client, attributes: SearchAttributes) -> None:
    """Register the search attributes that the client's namespace lacks.

    Raises:
        OddSearchAttributesError: the namespace has some of them with another type.
        MissingSearchAttributesError: the server does not let these credentials add them, or has no room for them.
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
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status in _REFUSED | {RPCStatusCode.INVALID_ARGUMENT}:
            raise MissingSearchAttributesError(
                f"Temporal's namespace {client.namespace} lacks search attributes, and its server lets worker.py add "
                f"none ({error.message}). Add them, then start again: {commands_to_add(client, missing)}"
            ) from error
        raise


def commands_to_add(client: Client, missing: Mapping[str, IndexedValueType.ValueType]) -> str:
    """Return the command that adds search attributes to the client's namespace: `tcld` for Temporal Cloud."""
    typed = [(name, _TYPES[kind]) for name, kind in sorted(missing.items())]
    pairs = " ".join(f"--search-attribute {name}={kind}" for name, kind in typed)
    cloud = f"tcld namespace search-attributes add --namespace {client.namespace} {pairs}"
    if (urlsplit(f"//{client.service_client.config.target_host}").hostname or "").endswith(_CLOUD):
        return cloud
    names = " ".join(f"--name {name} --type {kind}" for name, kind in typed)
    own = f"temporal operator search-attribute create --namespace {client.namespace} {names}"
    return f"{own} (on Temporal Cloud: {cloud})"


async def searchable(client: Client, attributes: SearchAttributes) -> Mapping[str, IndexedValueType.ValueType]:
    """Return the attributes that a query for workflows may name. It shows no type, so ours is assumed."""
    found = {}
    for key in attributes:
        try:
            await client.count_workflows(f"{key.name} IS NULL")
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                continue
            if error.status in _REFUSED:
                return {}
            raise
        found[key.name] = IndexedValueType.ValueType(key.indexed_value_type)
    return found


async def _registered(client: Client, attributes: SearchAttributes) -> Mapping[str, IndexedValueType.ValueType]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        return (await client.operator_service.list_search_attributes(request)).custom_attributes
    except RPCError as error:
        # The time-skipping server can add search attributes, but not list them.
        if error.status in _REFUSED:
            return await searchable(client, attributes)
        raise
