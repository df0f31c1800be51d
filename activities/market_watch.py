"""The market watch: a worker's wish to be watched, and the activity that watches a shard of positions."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.foreign_sales import ForeignSales
from activities.market.quote_feed import QuoteFeed
from activities.support.heart import Heart
from activities.support.leases import renew
from activities.support.outlasting import outlasting
from activities.support.pace import to_be_continued
from activities.watch.first_exit import FirstExit
from activities.watch.judging import unseen
from activities.watch.leases import ShardTakenError
from activities.watch.messages import (
    EXIT_MESSAGE,
    MOST_IN_A_SHARD,
    ShardRequest,
    WatchEnd,
    WatchRequest,
)
from activities.watch.shard import ShardWatch, WatchParts
from activities.watch.starting import SIGNALLED_WITHIN, TAKEN_AGAIN_AFTER, start_watch
from activities.watch.stored import as_json
from domain.errors import TradingError
from domain.exits import ExitContext, ExitSignal, decide_exit
from domain.position import OpenPosition
from domain.session import TradingCalendar
from domain.watch import WatchWish
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from database.database import Database


class MarketWatchActivities:
    """Places held positions into shards, and watches a shard. ``owner`` names this process."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        feed: QuoteFeed,
        foreign_sales: ForeignSales,
        database: "Database",
        pace: "Pace",
        calendar: TradingCalendar,
        *,
        guard: "StrategyGuard",
        first_exit: FirstExit,
        owner: str = "",
    ) -> None:
        self._parts = WatchParts(feed, foreign_sales, database, pace, calendar, guard, first_exit, _signal_exit)
        self._first_exit = first_exit
        self._database = database
        self._pace = pace
        self._owner = owner or "host"

    @activity.defn
    async def begin_watch(self, request: WatchRequest) -> ExitSignal | None:
        """Let a shard watch the position; a sale that is due already is returned at once.

        The signal to sell arrives as ``WatchEnd`` at the calling workflow. Repeating it replaces the earlier wish.

        Raises:
            StaleFencingTokenError: another worker has the symbol now.
        """
        return await self.hold(request)

    async def hold(self, request: WatchRequest, queue: str = "") -> ExitSignal | None:
        """Do the same in another activity; ``queue`` is then the task queue of workflows."""
        before = None if request.first is None else await self._first_exit.sent_before(request.first.intent_id)
        if before is not None:
            return before
        await renew(self._database.locks, request.lease)
        position = await self._held(request)
        await self._announce(position)
        blind = ExitContext(position, unseen(position), self._pace.now(), request.deadline, greatest_age=timedelta(0))
        due = decide_exit(blind)
        if due is not None:
            return due
        wish = WatchWish(request.lease, request.position_id, str(activity.info().workflow_id), as_json(request))
        placed = await self._database.market_watches.ask(wish, MOST_IN_A_SHARD)
        if not placed.is_attended:
            await start_watch(ShardRequest(request.lease.account_id, placed.shard), queue)
        return None

    @activity.defn
    async def watch_market(self, request: ShardRequest) -> None:
        """Watch the positions of a shard until there is none; no side effects but leases, marks and signals."""
        details = activity.info().heartbeat_details
        empty_since = timedelta(seconds=details[0]) if details and details[0] >= 0 else None
        async with Heart(*details) as heart:
            token = await self._database.market_watches.take(request.account_id, request.shard, self._owner)
            try:
                await outlasting(ShardWatch(self._parts, request, token).watch(heart, empty_since))
            except ShardTakenError:
                raise to_be_continued("another attempt has taken the shard", TAKEN_AGAIN_AFTER) from None

    async def _held(self, request: WatchRequest) -> OpenPosition:
        position = await self._database.positions.get(request.position_id)
        if position is None or not position.quantity:
            raise TradingError(f"position {request.position_id} holds no share to watch")
        return position

    async def _announce(self, position: OpenPosition) -> None:
        event = f"bought {position.quantity:,} at {position.entry_price:,.0f}: {position.strategy.reason}"
        # The time of the purchase: a restart of the watch announces the same purchase again.
        where = (position.account_id, position.worker_id, WorkerState.HOLDING, position.symbol)
        show = partial(self._database.workers.enter, *where, event, position.opened_at)
        await self._database.reports.write("worker_state", position.worker_id, show)


async def _signal_exit(workflow_id: str, end: WatchEnd) -> None:
    handle = activity.client().get_workflow_handle(workflow_id)
    await handle.signal(EXIT_MESSAGE, end, rpc_timeout=SIGNALLED_WITHIN)
