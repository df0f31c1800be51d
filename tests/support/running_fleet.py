"""A fleet on a real Temporal server and a real PostgreSQL; stand-in activities simulate the market."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from database.database import Database, open_database
from domain.clock import KST, MarketClock
from domain.identity import AccountId, Environment
from exchange.calendar import krx_calendar
from fleet.fleet import Fleet
from runtime.embedded.search_attributes import ensure_search_attributes
from tests.support.application_role import as_application
from tests.support.builders import ACCOUNT
from tests.support.webhook import Webhook
from tests.workflows.stand_ins import Desk
from workflows import attributes
from workflows.identity import task_queues
from workflows.market_close import MarketCloseWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.reconciliation import ReconciliationWorkflow, StatementWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

MONDAY_MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=KST)


@dataclass
class Hosted:
    """A fleet with a process that hosts its workflows."""

    fleet: Fleet
    desk: Desk


@pytest.fixture
async def fleet(temporal_dev_server: str, database_url: str) -> AsyncIterator[Fleet]:
    """No process hosts its workflows; its market is open on a Monday morning."""
    client = await Client.connect(temporal_dev_server, data_converter=DATA_CONVERTER)
    await ensure_search_attributes(client, attributes.ALL)
    database = await open_database(as_application(database_url))
    account = AccountId(f"simulated-{uuid4().hex[:6]}")
    await database.accounts.pin(account, Environment.SIMULATED, "3f9a1c")
    clock = MarketClock(datetime.now(UTC), MONDAY_MORNING.astimezone(UTC))  # noqa: TID251 - the test's own anchor
    yield Fleet(client, database, account, Environment.SIMULATED, clock, krx_calendar(2026, 2027))
    await database.aclose()


@pytest.fixture
async def hosted(fleet: Fleet) -> AsyncIterator[Hosted]:
    """The same fleet with workers running for its three queues."""
    desk = Desk(fleet.clock)
    queues = task_queues(fleet.account_id)
    async with AsyncExitStack() as stack:
        for queue in (queues.trading, queues.watch, queues.broker):
            ours = [TradingWorkerWorkflow, MarketCloseWorkflow, ReconciliationWorkflow, StatementWorkflow]
            workflows = ours if queue == queues.trading else []
            activities: Any = desk.everything()
            worker = Worker(fleet.client, task_queue=queue, workflows=workflows, activities=activities)
            await stack.enter_async_context(worker)
        yield Hosted(fleet, desk)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A chat that accepts every message."""
    listening = Webhook().open()
    yield listening
    listening.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The books of ``ACCOUNT``, without Temporal."""
    opened = await open_database(as_application(database_url))
    await opened.accounts.pin(ACCOUNT, Environment.SIMULATED, "3f9a1c")
    yield opened
    await opened.aclose()
