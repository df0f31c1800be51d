"""The latest scan of each set of strategies, for the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from database.pool import Pool
from domain.identity import AccountId
from domain.scan_outcome import StockOutcome
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class LastScan:
    """A scan: strategies, the market instant (UTC), how many stocks it examined, and the nearest of them."""

    strategies: str
    scanned_at: datetime
    looked_at: int
    stocks: tuple[dict[str, Any], ...]


class LastScans:
    """The table ``last_scans``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # A scan of another process that began earlier does not replace a later one.
    _KEEP = """
    INSERT INTO last_scans AS kept (account_id, strategies, session_date, scanned_at, looked_at, stocks)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, strategies) DO UPDATE SET session_date = excluded.session_date,
        scanned_at = excluded.scanned_at, looked_at = excluded.looked_at, stocks = excluded.stocks
    WHERE kept.scanned_at < excluded.scanned_at
    """

    async def keep(
        self,
        account_id: AccountId,
        strategies: str,
        session_date: SessionDate,
        at: datetime,
        found: tuple[int, Sequence[StockOutcome]],
    ) -> None:
        """Store a scan, made at a market instant: how many stocks it examined, and the nearest of them."""
        looked_at, outcomes = found
        stocks = [_row(each) for each in outcomes]
        await self._pool.execute(self._KEEP, account_id, strategies, session_date, at, looked_at, stocks)

    _ON = """
    SELECT strategies, scanned_at, looked_at, stocks FROM last_scans
    WHERE account_id = $1 AND session_date = $2 ORDER BY strategies
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[LastScan, ...]:
        """Return the latest scans of a session."""
        rows = await self._pool.fetch(self._ON, account_id, session_date)
        return tuple(
            LastScan(row["strategies"], row["scanned_at"], row["looked_at"], tuple(row["stocks"])) for row in rows
        )


def _row(outcome: StockOutcome) -> dict[str, Any]:
    return {
        "symbol": outcome.symbol,
        "name": outcome.name,
        "price": outcome.price,
        "change": float(round(outcome.change * 100, 2)),
        "dropped_by": outcome.dropped_by,
        "detail": outcome.detail,
    }
