"""Verdicts on strategies by the hash of their source, and the confirmations of code without a passing one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from database.pool import Pool
from domain.identity import AccountId
from domain.verdict import Conclusion, Standing, StrategyVerdict, standings


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An operator's decision about code without a passing verdict."""

    strategy: str
    source: str
    by: str
    reason: str


class Verdicts:
    """The tables ``strategy_verdicts`` and ``unproven_strategies``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _KEEP = """
    INSERT INTO strategy_verdicts (strategy, source, conclusion, backtest, judgement) VALUES ($1, $2, $3, $4, $5)
    """

    async def keep(self, judged: Mapping[str, Any]) -> None:
        """Record a verdict, as ``verdict --json`` shows it."""
        named = [judged[name] for name in ("strategy", "source", "conclusion", "backtest")]
        await self._pool.execute(self._KEEP, *named, {name: judged[name] for name in ("checks", "figures")})

    _LATEST = """
    SELECT DISTINCT ON (strategy, source) strategy, source, conclusion, backtest, judged_at
    FROM strategy_verdicts ORDER BY strategy, source, number DESC
    """

    async def latest(self) -> tuple[StrategyVerdict, ...]:
        """Return the latest verdict of each strategy and source."""
        return tuple(
            StrategyVerdict(
                row["strategy"], row["source"], Conclusion(row["conclusion"]), row["backtest"], row["judged_at"]
            )
            for row in await self._pool.fetch(self._LATEST)
        )

    _DECIDE = """
    INSERT INTO unproven_strategies (account_id, strategy, source, decided_by, reason, is_accepted)
    VALUES ($1, $2, $3, $4, $5, $6)
    """

    async def decide(self, account_id: AccountId, confirmation: Confirmation, *, accepted: bool) -> None:
        """Record that an operator accepts code without a passing verdict, or withdraws that."""
        about = (confirmation.strategy, confirmation.source, confirmation.by, confirmation.reason)
        await self._pool.execute(self._DECIDE, account_id, *about, accepted)

    _ACCEPTED = """
    SELECT strategy, source, reason FROM (
        SELECT DISTINCT ON (strategy, source) strategy, source, reason, is_accepted
        FROM unproven_strategies WHERE account_id = $1 ORDER BY strategy, source, number DESC
    ) AS latest WHERE is_accepted
    """

    async def accepted(self, account_id: AccountId) -> dict[tuple[str, str], str]:
        """Return the confirmed code by strategy and source, with the reason."""
        rows = await self._pool.fetch(self._ACCEPTED, account_id)
        return {(row["strategy"], row["source"]): row["reason"] for row in rows}

    async def standings(self, account_id: AccountId, codes: Iterable[tuple[str, str]]) -> tuple[Standing, ...]:
        """Return the standing of each strategy and source."""
        return standings(codes, await self.latest(), await self.accepted(account_id))
