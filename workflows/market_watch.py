"""Market watch of one shard: keeps its activity running while a position is held in it, or a worker scans."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.market_watch import MarketWatchActivities
    from activities.scanning import ScanningActivities
    from activities.watch.messages import HELD_MESSAGE, ShardRequest
    from domain.watch import SCANS
    from workflows.identity import task_queues
    from workflows.options import WATCH_MARKET, WATCH_SCANS, via


@workflow.defn
class MarketWatchWorkflow:
    """Runs the activity that watches a shard; ends when the shard is empty and nothing was added meanwhile."""

    @workflow.init
    def __init__(self, request: ShardRequest) -> None:
        self._is_held = False

    @workflow.run
    async def run(self, request: ShardRequest) -> None:
        """Watch until the shard is empty."""
        queue = task_queues(request.account_id).watch
        while True:
            self._is_held = False
            word = f"watch {request.title}"
            if request.shard == SCANS:
                how = via(queue, WATCH_SCANS, word)
                await workflow.execute_activity_method(ScanningActivities.watch_scans, request, **how)
            else:
                how = via(queue, WATCH_MARKET, word)
                await workflow.execute_activity_method(MarketWatchActivities.watch_market, request, **how)
            if not self._is_held:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)

    @workflow.signal(name=HELD_MESSAGE, description="A position or a scan was added to the shard.")
    def held(self, shard: int) -> None:
        """Do not end now; the server delivers this before it accepts the end of a run."""
        self._is_held = True
