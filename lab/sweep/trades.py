"""What the kernel of a sweep has traded in a session."""

from collections import Counter
from dataclasses import dataclass, field

from domain.costs import Costs
from domain.market import Market, Symbol
from domain.position import ExitReason


@dataclass(frozen=True, slots=True)
class KernelTrade:
    """A trade of the kernel. Seconds since the open: of the scan, of the first fill seen, of the last one seen."""

    worker: int
    symbol: Symbol
    market: Market
    quantity: int
    entry_amount: int
    exit_amount: int
    entry_costs: Costs
    exit_costs: Costs
    decided_at: int
    opened_at: int
    sold_because: ExitReason
    sold_at: int
    """The second of the decision to sell."""
    closed_at: int
    strategy: str = ""

    @property
    def gross(self) -> int:
        """Return the result before costs (won)."""
        return self.exit_amount - self.entry_amount

    @property
    def net(self) -> int:
        """Return the result after costs (won)."""
        return self.gross - self.entry_costs.total - self.exit_costs.total


@dataclass(slots=True)
class PlayedVariant:
    """A session's trades, by the second in which they are closed, and what else happened."""

    trades: list[KernelTrade] = field(default_factory=list)
    not_bought: Counter[str] = field(default_factory=Counter)
    carried: dict[Symbol, int] = field(default_factory=dict)
    """Shares that the close could not sell."""
