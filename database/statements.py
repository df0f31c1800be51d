"""The broker's statement of a session beside ours, as last compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from database.pool import Pool, transaction
from domain.identity import AccountId
from domain.market import Symbol
from domain.money import Won
from domain.session import SessionDate
from domain.statement import Figure, Line


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A session's comparison: its lines, or why the broker gave none; ``compared_at`` is market time (UTC)."""

    lines: tuple[Line, ...]
    untold: str
    compared_at: datetime


class Statements:
    """The tables ``statement_checks`` and ``statement_lines``. Amounts in won."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CLEAR = "DELETE FROM statement_lines WHERE account_id = $1 AND session_date = $2"
    _CHECKED = """
    INSERT INTO statement_checks (account_id, session_date, untold, compared_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, session_date) DO UPDATE SET untold = excluded.untold, compared_at = excluded.compared_at
    """
    _LINE = """
    INSERT INTO statement_lines (account_id, session_date, symbol, figure, ledger, broker, named, unexplained)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """

    async def keep(self, account_id: AccountId, session_date: SessionDate, lines: Sequence[Line], at: datetime) -> None:
        """Store a session's lines, replacing earlier ones."""
        rows = [
            (account_id, session_date, line.symbol, line.figure, line.ledger, line.broker, line.named, line.unexplained)
            for line in lines
        ]
        async with transaction(self._pool) as connection:
            await connection.execute(self._CLEAR, account_id, session_date)
            await connection.execute(self._CHECKED, account_id, session_date, "", at)
            await connection.executemany(self._LINE, rows)

    _MISSING = """
    INSERT INTO statement_checks (account_id, session_date, untold, compared_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, session_date) DO NOTHING
    """

    async def keep_missing(self, account_id: AccountId, session_date: SessionDate, why: str, at: datetime) -> None:
        """Record that the broker gave no statement; an earlier statement of the session stays."""
        await self._pool.execute(self._MISSING, account_id, session_date, why, at)

    _ON = "SELECT untold, compared_at FROM statement_checks WHERE account_id = $1 AND session_date = $2"
    _LINES = """
    SELECT symbol, figure, ledger, broker, named FROM statement_lines WHERE account_id = $1 AND session_date = $2
    ORDER BY symbol = '', symbol, array_position($3::text[], figure)
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> KeptStatement | None:
        """Return a session's comparison, or None if there is none."""
        row = await self._pool.fetchrow(self._ON, account_id, session_date)
        if row is None:
            return None
        found = await self._pool.fetch(self._LINES, account_id, session_date, [figure.value for figure in Figure])
        lines = tuple(
            Line(
                Symbol(line["symbol"]),
                Figure(line["figure"]),
                Won(line["ledger"]),
                Won(line["broker"]),
                {name: Won(won) for name, won in line["named"].items()},
            )
            for line in found
        )
        return KeptStatement(lines, row["untold"], row["compared_at"])
