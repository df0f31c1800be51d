"""Every workflow that a host runs: what a build must be able to replay."""

from typing import Final

from workflows.market_close import MarketCloseWorkflow
from workflows.market_watch import MarketWatchWorkflow
from workflows.reconciliation import OrderLookupWorkflow, ReconciliationWorkflow, StatementWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

HOSTED: Final[tuple[type, ...]] = (
    *(TradingWorkerWorkflow, MarketWatchWorkflow, MarketCloseWorkflow),
    *(ReconciliationWorkflow, OrderLookupWorkflow, StatementWorkflow),
)
