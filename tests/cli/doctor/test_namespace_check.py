"""`doctor` names the command for a namespace without our search attributes; Temporal Cloud lets no client add them."""

import asyncio
import json
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from runtime.embedded.errors import MissingSearchAttributesError
from runtime.hosting import REFUSALS
from tests.runtime.embedded.processes import FREE_PORTS
from tests.support.command_line import Run


@pytest.fixture
async def bare_namespace(temporal_dev_server: str) -> str:
    """A namespace that its server serves and that has none of our search attributes."""
    name = f"bare-{uuid4().hex[:8]}"
    client = await Client.connect(temporal_dev_server)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
    )
    served = await Client.connect(temporal_dev_server, namespace=name)
    async with asyncio.timeout(300):  # the server caches which namespaces there are
        while True:
            try:
                await served.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
                await served.count_workflows()
            except RPCError:
                await asyncio.sleep(0.2)
            else:
                return name


async def test_a_namespace_without_our_attributes_is_doubtful_with_the_command(
    run: Run, temporal_dev_server: str, database_url: str, bare_namespace: str, nothing_configured: None
) -> None:
    servers = {"TEMPORAL_ADDRESS": temporal_dev_server, "DATABASE_URL": database_url, **FREE_PORTS}

    done = await asyncio.to_thread(run, "doctor", "--json", **servers, TEMPORAL_NAMESPACE=bare_namespace)

    (found,) = (line for line in json.loads(done.stdout) if line["check"] == "Temporal")
    assert found["verdict"] == "warn"
    assert f"namespace {bare_namespace}, without ExitReason, TradeState, WorkerName" in found["text"]
    own = f"temporal operator search-attribute create --namespace {bare_namespace} --name ExitReason --type Keyword"
    assert own in found["mend"]
    assert f"tcld namespace search-attributes add --namespace {bare_namespace} " in found["mend"]


def test_a_host_that_may_not_add_them_ends_without_a_traceback() -> None:
    assert issubclass(MissingSearchAttributesError, REFUSALS)
