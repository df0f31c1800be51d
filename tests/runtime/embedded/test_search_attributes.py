"""Search attributes on both kinds of server, registered once, however often requested."""

from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesResponse
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from runtime.embedded.errors import MissingSearchAttributesError, OddSearchAttributesError
from runtime.embedded.search_attributes import (
    SearchAttributes,
    commands_to_add,
    ensure_search_attributes,
    missing_search_attributes,
    odd_search_attributes,
    searchable,
)
from tests.support.scripted_grpc import Answer, scripted_grpc
from workflows import attributes

STATE, CYCLE = SearchAttributeKey.for_keyword("ProbeState"), SearchAttributeKey.for_int("ProbeCycle")
ATTRIBUTES: SearchAttributes = [STATE, CYCLE]
VALUES = TypedSearchAttributes([SearchAttributePair(CYCLE, 3), SearchAttributePair(STATE, "holding")])


async def a_run_with_attributes(client: Client) -> WorkflowExecutionDescription:
    """Start a workflow with both attributes and without a worker."""
    run = await client.start_workflow("Probe", id=str(uuid4()), task_queue="unserved", search_attributes=VALUES)
    return await run.describe()


async def test_they_are_registered_on_a_server_once(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)

    await ensure_search_attributes(client, ATTRIBUTES[:1])
    assert set(await missing_search_attributes(client, ATTRIBUTES)) == {"ProbeCycle"}

    await ensure_search_attributes(client, ATTRIBUTES)
    await ensure_search_attributes(client, ATTRIBUTES)

    assert await missing_search_attributes(client, ATTRIBUTES) == {}


async def test_foreign_types_under_our_names_are_refused(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)
    await ensure_search_attributes(client, [SearchAttributeKey.for_int("ProbeOdd")])

    wanted = [*ATTRIBUTES, SearchAttributeKey.for_keyword("ProbeOdd")]

    assert await odd_search_attributes(client, wanted) == ["ProbeOdd"]
    with pytest.raises(OddSearchAttributesError, match="foreign types under our names: ProbeOdd"):
        await ensure_search_attributes(client, wanted)


async def test_they_are_registered_on_the_time_skipping_server_too(time_skipping_env: WorkflowEnvironment) -> None:
    client = time_skipping_env.client
    with pytest.raises(RPCError, match="is not defined"):
        await a_run_with_attributes(client)

    await ensure_search_attributes(client, ATTRIBUTES)
    await ensure_search_attributes(client, ATTRIBUTES)

    assert (await a_run_with_attributes(client)).typed_search_attributes == VALUES


CONNECTED = Answer(GetSystemInfoResponse())
DENIED = Answer(status=RPCStatusCode.PERMISSION_DENIED, text="Request unauthorized.")
UNKNOWN = Answer(status=RPCStatusCode.INVALID_ARGUMENT, text="invalid query: ProbeState is not a search attribute")
STATE_ONLY = Answer(
    ListSearchAttributesResponse(custom_attributes={"ProbeState": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD})
)


async def test_a_server_that_lets_no_client_add_them_is_reported_with_the_commands() -> None:
    script = [CONNECTED, STATE_ONLY, STATE_ONLY, DENIED]
    async with scripted_grpc(script) as address:
        client = await Client.connect(address, namespace="trading.a1b2c")
        with pytest.raises(MissingSearchAttributesError) as refused:
            await ensure_search_attributes(client, ATTRIBUTES)

    assert str(refused.value) == (
        "Temporal's namespace trading.a1b2c lacks search attributes, and its server lets worker.py add none (Request "
        "unauthorized.). Add them, then start again: temporal operator search-attribute create --namespace "
        "trading.a1b2c --name ProbeCycle --type Int (on Temporal Cloud: tcld namespace search-attributes add "
        "--namespace trading.a1b2c --search-attribute ProbeCycle=Int)"
    )


async def test_a_server_that_lists_none_is_asked_by_a_query_for_each() -> None:
    unknown_twice = [DENIED, UNKNOWN, UNKNOWN]
    async with scripted_grpc([CONNECTED, *unknown_twice, *unknown_twice, DENIED]) as address:
        client = await Client.connect(address, namespace="trading")
        with pytest.raises(MissingSearchAttributesError, match="--name ProbeCycle --type Int --name ProbeState --type"):
            await ensure_search_attributes(client, ATTRIBUTES)


async def test_a_query_shows_which_attributes_a_real_server_knows(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)
    await ensure_search_attributes(client, ATTRIBUTES)

    known = await searchable(client, [*ATTRIBUTES, SearchAttributeKey.for_keyword("ProbeNever")])

    assert dict(known) == {key.name: int(key.indexed_value_type) for key in ATTRIBUTES}


async def test_a_namespace_that_is_full_is_reported_with_the_reason_of_the_server(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)
    too_many = [SearchAttributeKey.for_int(f"ProbeFull{number}") for number in range(30)]

    with pytest.raises(MissingSearchAttributesError, match=r"add none \(.*Int"):
        await ensure_search_attributes(client, too_many)


async def test_temporal_cloud_gets_only_its_own_command() -> None:
    client = await Client.connect("trading.a1b2c.tmprl.cloud:7233", namespace="trading.a1b2c", lazy=True)

    lacking = {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in attributes.ALL}
    command = commands_to_add(client, lacking)

    assert command == (
        "tcld namespace search-attributes add --namespace trading.a1b2c --search-attribute ExitReason=Keyword "
        "--search-attribute TradeState=Keyword --search-attribute WorkerName=Keyword"
    )
