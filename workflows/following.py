"""The workflows that change to the current build at once, on hosts that announce a build: the close and the watch.

Classes of their own, because a server refuses tasks with a versioning behavior from a host without a version. Every
other workflow is pinned: it ends on the build that began it. Pinned is also the default of a host, because the SDK
completes a task without new work by the default and not by the class (temporalio 1.35): a trading worker with the
other default leaves its build in the middle of a trade.
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.watch.messages import MARKET_WATCH, ShardRequest
    from workflows.close_outcome import CloseOutcome, MarketCloseRequest
    from workflows.identity import MARKET_CLOSE
    from workflows.market_close import MarketCloseWorkflow
    from workflows.market_watch import MarketWatchWorkflow


@workflow.defn(name=MARKET_WATCH, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class FollowingMarketWatch(MarketWatchWorkflow):
    """The market watch on a host that announces a build."""

    @workflow.init
    def __init__(self, request: ShardRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: ShardRequest) -> None:
        """Watch until the shard is empty."""
        await super().run(request)


@workflow.defn(name=MARKET_CLOSE, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class FollowingMarketClose(MarketCloseWorkflow):
    """The market close on a host that announces a build."""

    @workflow.init
    def __init__(self, request: MarketCloseRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: MarketCloseRequest) -> CloseOutcome:
        """Close the session of the day for which this run was due."""
        return await super().run(request)
