"""Another program on the same machine reaches the running system's Temporal server, and achieves nothing."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from temporalio.client import (
    ActivityFailureError,
    Client,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RetryPolicy

from domain.clock import LIVE_CLOCK
from domain.identity import AccountId
from domain.rules import TradingRules
from domain.session import SessionDate
from domain.worker_state import WorkerLife
from runtime.embedded.ports import free_port
from runtime.embedded.temporal import DevServer
from tests.runtime.embedded.processes import ROOT, eventually
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.journeys.real_system import RealSystem, real_system
from tests.trials.journeys.test_kill_nine import HELD
from workflows.identity import close_workflow_id, task_queues, worker_name, worker_workflow_id
from workflows.payloads import DATA_CONVERTER

REFUSED = "SELECT count(*) FROM events WHERE kind = 'unauthentic_refused'"
_ONCE = RetryPolicy(maximum_attempts=1)


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(600)
def test_a_stranger_neither_trades_nor_stops_and_what_is_held_is_sold(tmp_path: Path) -> None:
    with real_system(tmp_path, HARU_SIMULATOR__SPEED="30", HARU_SIMULATOR__START="2026-11-23 10:30") as system:
        system.starts()
        system.starter("--workers", "2", "--detach")
        system.until(lambda: system.number(HELD) >= 1, 200, "a held position")
        workers = "SELECT count(*) FROM workers"
        known = system.number(workers)

        asyncio.run(attacks(system))

        system.until(lambda: system.number(REFUSED) >= 5, 100, "the events")
        assert "STRANGER: refused " in system.starter("status")
        assert system.number(workers) == known
        system.starter("stop")
        assert system.number(HELD) == 0
        verdict = subprocess.run(
            [sys.executable, "-m", "verifier"],
            cwd=ROOT,
            env=system.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr


async def attacks(system: RealSystem) -> None:
    """Try every possible attack; all must fail."""
    (account,) = system.query("SELECT account_id FROM accounts")[0]
    account_id, ours = AccountId(account), worker_workflow_id(account, worker_name(1))
    client = await Client.connect(system.endpoints.temporal_address or "", data_converter=DATA_CONVERTER)
    queues, today = task_queues(account_id), SessionDate(datetime(2026, 11, 23, tzinfo=UTC).date())
    life = WorkerLife(account_id, worker_name(66), TradingRules(), LIVE_CLOCK)
    starts = [
        ("TradingWorkerWorkflow", life, worker_workflow_id(account_id, life.worker_id)),
        ("MarketCloseWorkflow", {"account_id": account}, close_workflow_id(account_id)),
        ("ReconciliationWorkflow", account, f"reconciliation/{account}"),
    ]
    for name, argument, workflow_id in starts:
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(name, argument, id=workflow_id, task_queue=queues.trading)
    handle = client.get_workflow_handle(ours)
    for update, arguments in (("pause", []), ("stop", []), ("liquidate", ["operator"])):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update(update, args=arguments)
    with pytest.raises(WorkflowQueryFailedError):
        await handle.query("trading_rules")
    await handle.signal("liquidate_for_close", today)
    for activity, queue in (("list_broker_orders", queues.watch), ("submit_order", queues.broker)):
        with pytest.raises(ActivityFailureError):
            await client.execute_activity(
                activity,
                today,
                id=f"{activity}-{uuid4()}",
                task_queue=queue,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=_ONCE,
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_the_http_api_of_the_embedded_server_answers_no_page(tmp_path: Path, host: str) -> None:
    port = free_port()
    server = replace(DevServer(port=free_port(), ui_port=None), search_attributes=())
    process = subprocess.Popen(
        [*server.argv(), "--http-port", str(port)],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )
    url = f"http://127.0.0.1:{port}/api/v1/namespaces"
    headers = {"host": f"{host}:{port}", "content-type": "text/plain", "origin": f"http://{host}"}
    answers: list[int] = []

    def answered() -> bool:
        with suppress(httpx.HTTPError):
            answers.append(httpx.get(url, headers=headers, trust_env=False).status_code)
        return bool(answers)

    try:
        assert eventually(answered, 60)
        start = f"{url}/default/workflows/stranger"
        answers.append(httpx.post(start, headers=headers, content=b"{}", trust_env=False).status_code)
    finally:
        process.kill()
        process.wait()

    assert answers == [403, 403]
