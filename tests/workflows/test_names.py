"""The names that the command line uses are those of the definitions."""

from fleet.commands import PAUSE, RESUME, STOP, change_rules, liquidate
from lab.temporal_parts import workflow_definition
from workflows.identity import OUR_TYPES, RISK_RULES, TRADING_RULES, WATCHED_RULES
from workflows.market_close import MarketCloseWorkflow
from workflows.market_watch import MarketWatchWorkflow
from workflows.reconciliation import OrderLookupWorkflow, ReconciliationWorkflow, StatementWorkflow
from workflows.trading_worker import TradingWorkerWorkflow


def test_our_workflow_types_are_named_as_temporal_knows_them() -> None:
    defined = (
        TradingWorkerWorkflow,
        MarketCloseWorkflow,
        MarketWatchWorkflow,
        ReconciliationWorkflow,
        StatementWorkflow,
        OrderLookupWorkflow,
    )

    assert tuple(workflow_definition(each.run).name for each in defined) == OUR_TYPES


def test_the_queries_of_the_rules_are_named_as_temporal_knows_them() -> None:
    queries = workflow_definition(TradingWorkerWorkflow.run).queries

    assert {RISK_RULES, TRADING_RULES, WATCHED_RULES} <= queries.keys()


def test_the_commands_are_named_as_temporal_knows_them() -> None:
    updates = workflow_definition(TradingWorkerWorkflow.run).updates

    assert {each.update for each in (PAUSE, RESUME, STOP, liquidate(), change_rules({}))} == updates.keys()
