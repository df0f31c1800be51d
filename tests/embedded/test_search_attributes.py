"""Search attributes on both kinds of server, registered once however often it is asked for."""

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from embedded.search_attributes import SearchAttributes, ensure_search_attributes

ATTRIBUTES: SearchAttributes = [SearchAttributeKey.for_keyword("ProbeState"), SearchAttributeKey.for_int("ProbeCycle")]


async def test_they_are_registered_on_a_server_once(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)

    await ensure_search_attributes(client, ATTRIBUTES[:1])
    await ensure_search_attributes(client, ATTRIBUTES)
    await ensure_search_attributes(client, ATTRIBUTES)


async def test_they_are_registered_on_the_time_skipping_server_too(time_skipping_env: WorkflowEnvironment) -> None:
    await ensure_search_attributes(time_skipping_env.client, ATTRIBUTES)
    await ensure_search_attributes(time_skipping_env.client, ATTRIBUTES)
