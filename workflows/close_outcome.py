"""Request and outcome of a market close."""

from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.flatness import FlatnessProof
    from activities.statement import StatementCompared
    from domain.clock import LIVE_CLOCK, MarketClock
    from domain.identity import AccountId
    from domain.market import Symbol
    from domain.money import Quantity
    from domain.rules import TradingRules
    from domain.session import SessionDate
    from domain.summary import DailySummary
    from workflows.half_way import HalfWay


@dataclass(frozen=True, slots=True)
class MarketCloseRequest:
    """Account whose day to close. The rules define how remaining positions are sold."""

    account_id: AccountId
    clock: MarketClock = LIVE_CLOCK
    rules: TradingRules = field(default_factory=TradingRules)
    half_way: HalfWay | None = None
    """State of an earlier run of this close; None for a close that begins."""


@dataclass(frozen=True, slots=True)
class CloseOutcome:
    """How the day ended. ``holdings`` are all shares that the broker still shows.

    - ``flat`` covers ours only.
    - ``ours`` are positions that the ledger carries.
    - ``unexplained`` are shares that neither our books nor the account owner's orders explain.
    - ``owners`` are the owner's own shares; they are listed, and do not count against ``flat``.
    """

    session_date: SessionDate
    had_session: bool
    workers_told: int = 0
    seized: int = 0
    flat: bool = True
    holdings: dict[Symbol, Quantity] = field(default_factory=dict)
    unsold_at_close: tuple[str, ...] = ()
    """Shares that the session left unsold, with the reason; the evening may have sold them since."""
    differences: tuple[str, ...] = ()
    summary: DailySummary | None = None
    ours: dict[Symbol, Quantity] = field(default_factory=dict)
    owners: dict[Symbol, Quantity] = field(default_factory=dict)
    unexplained: dict[Symbol, Quantity] = field(default_factory=dict)
    open_orders: int = 0
    cash: str = ""
    """Cash result of the reconciliation."""
    statement: StatementCompared = field(default_factory=StatementCompared)
    not_proven: str = ""
    """Why flatness could not be proven; ``flat`` is then False, and the holdings are unknown."""


def outcome_of(date: SessionDate, proof: FlatnessProof) -> CloseOutcome:
    """Convert a flatness proof to a close outcome."""
    return CloseOutcome(
        session_date=date,
        had_session=True,
        flat=proof.flat,
        not_proven=proof.not_proven,
        holdings=proof.holdings,
        ours=proof.ours,
        owners=proof.owners,
        unexplained=proof.unexplained,
        open_orders=proof.open_orders,
    )
