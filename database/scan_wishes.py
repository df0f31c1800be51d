"""Workers that wait for an offer of candidates."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from database.market_watches import ATTENDED_WITHIN, CHANNEL, topic
from database.pool import Pool, transaction
from domain.identity import AccountId, WorkerId
from domain.session import SessionDate
from domain.watch import SCANS, ScanRow, ScanWish

_NOTIFY: Final = f"SELECT pg_notify('{CHANNEL}', $1)"


class ScanWishes:
    """The table ``scan_wishes``. A worker has one wish."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _OPEN = """
    INSERT INTO market_watches AS held (account_id, shard) VALUES ($1, $2)
    ON CONFLICT (account_id, shard) DO UPDATE SET owner = held.owner
    RETURNING owner <> '' AND renewed_at > clock_timestamp() - $3::interval
    """
    _ASK = """
    INSERT INTO scan_wishes AS kept (account_id, worker_id, scan_id, workflow_id, run_id, request)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, worker_id) DO UPDATE SET
        scan_id = $3, workflow_id = $4, run_id = $5, request = $6,
        asked_at = CASE WHEN kept.scan_id = $3 THEN kept.asked_at ELSE clock_timestamp() END
    WHERE kept.run_id <> $5
        OR (length(kept.scan_id), kept.scan_id COLLATE "C") <= (length($3), $3 COLLATE "C")
    """

    async def ask(self, wish: ScanWish) -> bool:
        """Store a wish, which replaces the worker's earlier one; return whether an attempt watches the scans.

        Repeating it for the same scan keeps its place in the queue. A late attempt to store an earlier scan of the same
        run has no effect: the number at the end of a scan's id rises.
        """
        account_id = wish.account_id
        async with transaction(self._pool) as connection:
            # Locks the shard's row, so that its attempt cannot end between the two statements.
            is_attended: bool = await connection.fetchval(self._OPEN, account_id, SCANS, ATTENDED_WITHIN)
            about = (wish.scan_id, wish.workflow_id, wish.run_id, wish.request)
            await connection.execute(self._ASK, account_id, wish.worker_id, *about)
            await connection.execute(_NOTIFY, topic(account_id, SCANS))
            return is_attended

    _END = "DELETE FROM scan_wishes WHERE account_id = $1 AND worker_id = $2 AND scan_id = $3"

    async def end(self, account_id: AccountId, worker_id: WorkerId, scan_id: str) -> None:
        """Remove a wish that has had its offer; a later wish of the worker stays."""
        await self._pool.execute(self._END, account_id, worker_id, scan_id)

    async def withdraw(self, account_id: AccountId, worker_id: WorkerId, scan_id: str) -> None:
        """Remove a wish whose worker does not scan any more, and notify the watch."""
        await self.end(account_id, worker_id, scan_id)
        await self._pool.execute(_NOTIFY, topic(account_id, SCANS))

    _ROWS = """
    SELECT account_id, worker_id, scan_id, workflow_id, run_id, asked_at,
        CASE WHEN scan_id <> ALL ($2) THEN request END AS request
    FROM scan_wishes WHERE account_id = $1 ORDER BY asked_at, worker_id
    """

    async def of_account(self, account_id: AccountId, known: Collection[str] = ()) -> tuple[ScanRow, ...]:
        """Return the wishes of an account, the longest wait first; without the requests of ``known`` scans."""
        return tuple(
            ScanRow(
                AccountId(row["account_id"]),
                WorkerId(row["worker_id"]),
                row["scan_id"],
                row["workflow_id"],
                row["run_id"],
                row["request"] or {},
                row["asked_at"],
            )
            for row in await self._pool.fetch(self._ROWS, account_id, list(known))
        )

    _SHOW = """
    UPDATE workers SET state = 'scanning', symbol = NULL, last_event = shown.event, last_event_at = $4,
        changed_at = clock_timestamp()
    FROM unnest($2::text[], $3::text[], $5::text[]) AS shown (worker_id, event, scan_id)
    JOIN scan_wishes USING (worker_id, scan_id)
    WHERE workers.account_id = $1 AND scan_wishes.account_id = $1 AND workers.worker_id = shown.worker_id
    """

    async def show(self, account_id: AccountId, words: Mapping[tuple[WorkerId, str], str], at: datetime) -> None:
        """Show in the live table what scanning workers do, by worker and scan; one that scans no more is left alone."""
        workers = [worker_id for worker_id, _ in words]
        scans = [scan_id for _, scan_id in words]
        await self._pool.execute(self._SHOW, account_id, workers, list(words.values()), at, scans)

    _COUNT = """
    WITH counted AS (
        INSERT INTO scans AS kept (account_id, session_date, worker_id, scans, looked_at, last_key)
        SELECT $1, $2, worker_id, 1, $4, '' FROM unnest($3::text[]) AS scanned (worker_id)
        ON CONFLICT (account_id, session_date, worker_id) DO UPDATE SET
            scans = kept.scans + 1, looked_at = kept.looked_at + excluded.looked_at
    )
    INSERT INTO scan_drops AS kept (account_id, session_date, worker_id, filter, dropped)
    SELECT $1, $2, worker_id, filter, dropped
    FROM unnest($3::text[]) AS scanned (worker_id), unnest($5::text[], $6::bigint[]) AS scan (filter, dropped)
    ON CONFLICT (account_id, session_date, worker_id, filter) DO UPDATE SET dropped = kept.dropped + excluded.dropped
    """

    async def count(
        self,
        account_id: AccountId,
        session_date: SessionDate,
        workers: Sequence[WorkerId],
        looked_at: int,
        dropped: Mapping[str, int],
    ) -> None:
        """Count one scan for each of the workers that it was made for."""
        # In one sequence, so that two of these statements never wait for each other.
        names, whose = sorted(dropped), sorted(workers)
        numbers = [dropped[name] for name in names]
        await self._pool.execute(self._COUNT, account_id, session_date, whose, looked_at, names, numbers)
