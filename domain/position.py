"""The life of a position: opened by entry fills, sold by exit fills, closed with its realised PnL."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.costs import Costs
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Market, Symbol
from domain.money import NO_SHARES, NO_WON, Price, Quantity, Won, average_price, notional
from domain.rules import ExitRules
from domain.session import SessionDate


class PositionStatus(StrEnum):
    """The status of a position in the ledger."""

    OPENING = "opening"  # an entry order may fill → open, abandoned
    OPEN = "open"  # → exiting
    EXITING = "exiting"  # → closed
    CLOSED = "closed"
    ABANDONED = "abandoned"  # the entry never filled


class ExitReason(StrEnum):
    """The rule that sold a position."""

    KILL_SWITCH = "kill_switch"
    OPERATOR = "operator"
    DEADLINE = "deadline"
    STOP_LOSS = "stop_loss"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    TREND_BREAK = "trend_break"
    TIME_STOP = "time_stop"
    STRATEGY = "strategy"
    FOREIGN_SALE = "foreign_sale"


@dataclass(frozen=True, slots=True)
class StrategyStamp:
    """The decision that opened the position, stored permanently with the trade."""

    name: str
    version: str
    parameters: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    source: str = ""
    """SHA-256 of the strategy's source; empty for positions of earlier versions."""


@dataclass(frozen=True, slots=True)
class PositionOpening:
    """A position's data when its entry order is decided, before any share is bought."""

    position_id: PositionId
    account_id: AccountId
    worker_id: WorkerId
    session_date: SessionDate
    symbol: Symbol
    name: str
    market: Market
    decision_price: Price
    strategy: StrategyStamp
    exit_rules: ExitRules
    rules_version: int = 1


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """Shares we hold. Cost is stored, the average price is derived; won, shares, market time (UTC)."""

    position_id: PositionId
    account_id: AccountId
    worker_id: WorkerId
    session_date: SessionDate
    symbol: Symbol
    name: str
    market: Market
    quantity: Quantity
    cost: Won
    opened_at: datetime
    high_water_mark: Price
    last_price: Price
    decision_price: Price
    strategy: StrategyStamp
    exit_rules: ExitRules
    rules_version: int = 1
    taken: Quantity = NO_SHARES
    taken_amount: Won = NO_WON
    """Proceeds of the ``taken`` shares, which left without one of our orders and are not part of ``quantity``."""
    restated_bought: int = 0
    restated_sold: int = 0
    """Shares that corporate actions added to bought and sold shares, beyond the fills; negative: removed."""

    @property
    def entry_price(self) -> Decimal:
        """Return the weighted average entry price in won."""
        return average_price(self.cost, self.quantity)

    @property
    def unrealised_pnl(self) -> Won:
        """Return the gross result at the last price, in won."""
        return Won(notional(self.last_price, self.quantity) - self.cost)

    def held_for(self, now: datetime) -> timedelta:
        """Return the holding time at a market instant."""
        return now - self.opened_at


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A closed position in numbers; ``net = gross − costs``. Won, shares, market time (UTC)."""

    position_id: PositionId
    account_id: AccountId
    worker_id: WorkerId
    session_date: SessionDate
    symbol: Symbol
    name: str
    market: Market
    quantity: Quantity
    entry_amount: Won
    exit_amount: Won
    entry_costs: Costs
    exit_costs: Costs
    opened_at: datetime
    closed_at: datetime
    exit_reason: ExitReason
    strategy: StrategyStamp
    entry_decision_price: Price
    exit_decision_price: Price

    @property
    def gross_pnl(self) -> Won:
        """Return the result before costs."""
        return Won(self.exit_amount - self.entry_amount)

    @property
    def costs(self) -> Costs:
        """Return the costs of both sides."""
        return self.entry_costs.plus(self.exit_costs)

    @property
    def net_pnl(self) -> Won:
        """Return the result after commission and tax."""
        return Won(self.gross_pnl - self.costs.total)

    @property
    def is_sold_by_us(self) -> bool:
        """Return whether every share was sold by our own orders."""
        return self.exit_reason is not ExitReason.FOREIGN_SALE

    @property
    def slippage(self) -> Won:
        """Return the cost of the fills relative to the decision prices of entry and exit (positive is worse)."""
        paid_more = self.entry_amount - notional(self.entry_decision_price, self.quantity)
        return Won(paid_more + self.exit_slippage)

    @property
    def exit_slippage(self) -> Won:
        """Return the exit's part of the slippage; zero if another party sold, as there is no decision price."""
        if not self.is_sold_by_us:
            return NO_WON
        return Won(notional(self.exit_decision_price, self.quantity) - self.exit_amount)

    @property
    def held_for(self) -> timedelta:
        """Return the holding time."""
        return self.closed_at - self.opened_at
