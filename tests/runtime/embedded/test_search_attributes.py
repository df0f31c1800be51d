"""Search attributes on both kinds of server, registered once, however often requested."""

from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from runtime.embedded.errors import OddSearchAttributesError
from runtime.embedded.search_attributes import (
    SearchAttributes,
    ensure_search_attributes,
    missing_search_attributes,
    odd_search_attributes,
)

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
