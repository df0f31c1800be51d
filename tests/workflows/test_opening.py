"""A worker that starts shortly before the open is ready at the open."""

from temporalio.testing import WorkflowEnvironment

from tests.workflows.floor import trading_floor


async def test_a_worker_that_starts_just_before_the_open_scans_at_the_open(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:59:50") as floor:
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:00:10")

        assert floor.desk.calls["find_candidates"] > 0
        await worker.terminate()
