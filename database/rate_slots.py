"""The account's rate budget as slots in PostgreSQL; each slot is free one second after its response."""

import asyncio
import itertools
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from database.errors import DATABASE_FAULTS
from database.pool import Pool
from database.rate_waiting import LONG_REST, Grant, Slot, Waiter, WaitingLine
from domain.identity import AccountId
from domain.lane import LEFT_FOR_OTHERS, PROPORTION, SLOT_RESTS, Crowding, Lane

_SECOND: Final = timedelta(seconds=1)
MARGIN: Final = SLOT_RESTS - _SECOND
LONGEST_CALL: Final = timedelta(seconds=30)
"""Real time after which the slot of a crashed process is free; longer than any request may take."""
_CORRECTION: Final = timedelta(seconds=1)
"""How far a clock may be set back undetected: a call that started just before still counts."""
_LONGEST_SLEEP: Final = 0.1
"""Real seconds between two attempts while all slots are held, since another process may release one."""
_PAUSE_AFTER_FAULT: Final = 0.5

_AHEAD: Final = {Lane.EXIT: 0.2, Lane.RESOLVE: 0.15, Lane.ENTRY: 0.1, Lane.WATCH: 0.06, Lane.SCAN: 0.03}
"""Real seconds before a slot is free at which a lane may book it.

A more urgent lane books earlier, and the slot is not idle during the database query.
"""
_LEAST_AT_WORK: Final = 3
"""Of 18 slots, how many never rest longer than one second: KIS allows this rate even to new customers."""

_log = logging.getLogger(__name__)


class RateSlots:
    """One budget of ``calls_per_second`` for all processes of the account.

    Two calls in one slot are more than a second apart at the broker, whatever the network delay. So no sliding second
    contains more calls than there are slots. One task per process queries the database for all waiters.
    """

    def __init__(
        self,
        pool: Pool,
        account_id: AccountId,
        calls_per_second: int,
        margin: timedelta = MARGIN,
        longest_call: timedelta = LONGEST_CALL,
    ) -> None:
        self._pool = pool
        self._account_id = account_id
        self._size = calls_per_second
        self._rest = _SECOND + margin
        self._longest_call = longest_call
        self._process = uuid.uuid4().hex
        self._turns = itertools.count()
        self._queue = WaitingLine()
        self._given_back: list[Slot] = []
        self._news = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None

    def slot(self, lane: int, weight: int = 0) -> AbstractAsyncContextManager[Slot]:
        """Wait for a slot, hold it during the call, and free it one second after the response.

        Within a lane of this process, the waiting call with the greatest ``weight`` goes first.
        """
        return self._slot(lane, weight)

    @asynccontextmanager
    async def _slot(self, lane: int, weight: int) -> AsyncIterator[Slot]:
        waiter = Waiter(lane, asyncio.get_running_loop().create_future(), weight)
        self._queue.push(waiter)
        self._wake()
        held: Slot | None = None
        try:
            held = Slot(await waiter.granted, self._rest)
            await asyncio.sleep(held.grant.usable_at - asyncio.get_running_loop().time())
            yield held
        except BaseException:
            if held is not None:
                held.learn(Crowding.UNKNOWN)
            raise
        finally:
            if waiter.granted.done() and not waiter.granted.cancelled():
                self._given_back.append(held if held is not None else Slot(waiter.granted.result(), self._rest))
                self._wake()

    async def aclose(self) -> None:
        """Release every slot whose call is over, then stop."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._dispatcher
        with suppress(*DATABASE_FAULTS):
            await self._give_back()

    def _wake(self) -> None:
        self._news.set()
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch())

    async def _dispatch(self) -> None:
        """Serve this process until there are no waiters and no slots to release."""
        while True:
            self._queue.drop_cancelled()
            if not self._queue.heap and not self._given_back:
                return
            self._news.clear()
            try:
                await self._give_back()
                pause = await self._grant()
            except DATABASE_FAULTS as fault:
                _log.warning("rate_budget_unreachable", extra={"cause": str(fault)})
                pause = _PAUSE_AFTER_FAULT
            if pause:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._news.wait()

    _FREE = """
    UPDATE rate_slots SET
        free_at = clock_timestamp() + given.rest,
        holder = CASE WHEN given.rest > $5 THEN 'resting' ELSE rate_slots.holder END
    FROM unnest($2::integer[], $3::text[], $4::interval[]) AS given (slot, holder, rest)
    WHERE rate_slots.account_id = $1 AND rate_slots.slot = given.slot AND rate_slots.holder = given.holder
    """

    async def _give_back(self) -> None:
        if not self._given_back:
            return
        given = self._given_back[:]
        slots, holders = [each.grant.slot for each in given], [each.grant.holder for each in given]
        rests = [self._rest_of(each) for each in given]
        await self._pool.execute(self._FREE, self._account_id, slots, holders, rests, self._rest)
        del self._given_back[: len(given)]
        pause = max(each.pause for each in given)
        if pause:
            await self._pause_all(pause)

    def _rest_of(self, slot: Slot) -> timedelta:
        """Keep a few slots from resting long, so that many refusals cannot delay a sale."""
        always_at_work = max(self._size * _LEAST_AT_WORK // PROPORTION, 1)
        return self._rest if slot.rest >= LONG_REST and slot.grant.slot < always_at_work else slot.rest

    _PAUSE = """
    UPDATE rate_slots SET free_at = clock_timestamp() + $2
    WHERE account_id = $1 AND slot IN (
        SELECT slot FROM rate_slots
        WHERE account_id = $1 AND (free_at < clock_timestamp() + $2 OR free_at > clock_timestamp() + $3)
        ORDER BY slot FOR UPDATE SKIP LOCKED
    )
    """

    async def _pause_all(self, pause: timedelta) -> None:
        """Block all slots of all processes for a while; calls in progress are not affected."""
        _log.warning("rate_budget_pauses", extra={"account_id": self._account_id, "seconds": pause.total_seconds()})
        await self._pool.execute(self._PAUSE, self._account_id, pause, self._longest_call + _CORRECTION)

    _TAKE = """
    WITH budget AS MATERIALIZED (
        SELECT count(*) AS rows, count(*) FILTER (WHERE believed <= clock_timestamp() + $8) AS free,
            count(*) FILTER (WHERE holder <> 'resting' OR believed <= clock_timestamp()) AS at_work,
            extract(epoch FROM
                min(believed) FILTER (WHERE believed > clock_timestamp() + $8) - clock_timestamp() - $8)::float8 AS next
        FROM (
            SELECT holder, CASE WHEN free_at <= clock_timestamp() + $9 THEN free_at ELSE '-infinity' END AS believed
            FROM rate_slots WHERE account_id = $1 AND slot < $2
        ) AS slots
    ),
    chosen AS MATERIALIZED (
        SELECT slot, CASE WHEN free_at <= clock_timestamp() + $9
            THEN extract(epoch FROM free_at - clock_timestamp())::float8 ELSE 0 END AS usable_in
        FROM rate_slots
        WHERE account_id = $1 AND slot < $2
            AND (free_at <= clock_timestamp() + $8 OR free_at > clock_timestamp() + $9)
        ORDER BY greatest(free_at, clock_timestamp()), slot
        LIMIT GREATEST(LEAST($3, (SELECT free - $4 * at_work / $7 FROM budget)), 0)
        FOR UPDATE SKIP LOCKED
    ),
    taken AS (
        UPDATE rate_slots SET holder = $5, free_at = clock_timestamp() + $6
        FROM chosen WHERE rate_slots.account_id = $1 AND rate_slots.slot = chosen.slot
        RETURNING rate_slots.slot, chosen.usable_in
    )
    SELECT rows, next, ARRAY(SELECT slot FROM taken ORDER BY usable_in, slot) AS slots,
        ARRAY(SELECT usable_in FROM taken ORDER BY usable_in, slot) AS usable_in FROM budget
    """

    async def _grant(self) -> float:
        """Take slots for the most urgent waiters; return the real seconds until the next attempt is useful.

        A slot that seems taken for longer than the longest call is free: the database's clock was set back.
        """
        self._queue.drop_cancelled()
        if not self._queue.heap:
            return 0.0
        lane, wanted = self._queue.head_lane()
        holder = f"{self._process}/{next(self._turns)}"
        left, ahead = LEFT_FOR_OTHERS[Lane(lane)], timedelta(seconds=_AHEAD[Lane(lane)])
        about = (self._account_id, self._size, wanted, left, holder, self._longest_call, PROPORTION, ahead)
        row = await self._pool.fetchrow(self._TAKE, *about, self._longest_call + _CORRECTION)
        if row is None or row["rows"] < self._size:
            await self._add_missing_slots()
            return 0.0
        now = asyncio.get_running_loop().time()
        for slot, usable_in in zip(row["slots"], row["usable_in"], strict=True):
            self._hand_out(Grant(slot, holder, now + usable_in))
        return 0.0 if row["slots"] else min(row["next"] or _LONGEST_SLEEP, _LONGEST_SLEEP)

    def _hand_out(self, grant: Grant) -> None:
        waiter = self._queue.pop()
        if waiter is None:
            self._given_back.append(Slot(grant, self._rest))
        else:
            waiter.granted.set_result(grant)

    _ADD = """
    INSERT INTO rate_slots (account_id, slot, free_at)
    SELECT $1, slot, clock_timestamp() + $3 FROM generate_series(0, $2 - 1) AS slot
    ON CONFLICT (account_id, slot) DO NOTHING
    """

    async def _add_missing_slots(self) -> None:
        """Fill an empty or too small table; the new slots rest first, because recent calls still count."""
        await self._pool.execute(self._ADD, self._account_id, self._size, self._rest)
