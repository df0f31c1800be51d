"""Results of a session's close: the owners of remaining shares, and the broker's profit and loss beside ours."""

from dataclasses import dataclass
from typing import Any, Final

from database.database import Database
from database.snapshots import HoldingSnapshot
from database.statements import KeptStatement
from domain.flatness import Proven
from domain.identity import AccountId
from domain.session import SessionDate
from domain.statement import Line


@dataclass(frozen=True, slots=True)
class AfterClose:
    """Recorded results of a close. A part is None or empty if the close has not checked it."""

    proof: Proven | None = None
    shares: tuple[HoldingSnapshot, ...] = ()
    statement: KeptStatement | None = None

    @property
    def differing(self) -> tuple[Line, ...]:
        """Return the statement's lines on which the two books differ, explained or not."""
        return () if self.statement is None else tuple(line for line in self.statement.lines if line.difference)

    @property
    def unexplained(self) -> tuple[Line, ...]:
        """Return the lines whose difference is not or only partly explained."""
        return tuple(line for line in self.differing if line.unexplained)


NOT_LOOKED: Final = AfterClose()


async def read_after_close(database: Database, account_id: AccountId, date: SessionDate) -> AfterClose:
    """Read the recorded results of a session's close."""
    return AfterClose(
        proof=await database.snapshots.proof_of(account_id, date),
        shares=await database.snapshots.on(account_id, date),
        statement=await database.statements.on(account_id, date),
    )


def after_close_values(found: AfterClose) -> dict[str, Any]:
    """Return the results as plain values: shares and won; None where the close has not checked."""
    return {
        "flat": None if found.proof is None else found.proof.flat,
        "open_orders": None if found.proof is None else found.proof.open_orders,
        "shares": [
            {
                "symbol": each.symbol,
                "worker": each.worker_id,
                "broker": each.broker_quantity,
                "ledger": each.ledger_quantity,
                "owners": each.owners_quantity,
                "unexplained": each.unexplained_quantity,
            }
            for each in found.shares
        ],
        "statement": None if found.statement is None else _statement(found, found.statement),
    }


def _statement(found: AfterClose, statement: KeptStatement) -> dict[str, Any]:
    return {
        "untold": statement.untold,
        "lines": len(statement.lines),
        "differing": len(found.differing),
        "unexplained": len(found.unexplained),
        "differences": [
            {
                "symbol": line.symbol,
                "figure": line.figure.value,
                "ledger": line.ledger,
                "broker": line.broker,
                "named": line.named,
                "unexplained": line.unexplained,
            }
            for line in found.differing
        ],
    }
