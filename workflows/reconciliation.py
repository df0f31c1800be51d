"""Reconciliation on demand: an operator compares ledger and broker, and may let the ledger follow the broker."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.account.comparing import Reconciled, ReconcileRequest
    from activities.order_lookup import ListedOrders, OrderLookup
    from activities.reconciling import ReconcilingActivities
    from activities.statement import StatementActivities, StatementCompared, StatementRequest
    from activities.support.requests import SessionRequest
    from workflows.identity import task_queues
    from workflows.options import ASK_BROKER, LOOK, via


@workflow.defn
class ReconciliationWorkflow:
    """One comparison of broker and ledger; an immediate second one changes nothing."""

    @workflow.run
    async def run(self, request: ReconcileRequest) -> Reconciled:
        """Compare, and record the result if the request asks for it."""
        summary = "compare broker and ledger" + ("" if request.apply else " without changes")
        return await workflow.execute_activity_method(
            ReconcilingActivities.reconcile_account,
            request,
            **via(task_queues(request.account_id).watch, LOOK, summary),
        )


@workflow.defn
class StatementWorkflow:
    """One comparison of the broker's statement with ours, for today's or a past session."""

    @workflow.run
    async def run(self, request: StatementRequest) -> StatementCompared:
        """Compare, and store the lines in place of earlier ones."""
        return await workflow.execute_activity_method(
            StatementActivities.compare_statement,
            request,
            **via(task_queues(request.account_id).watch, LOOK, "compare the broker's statement with the ledger"),
        )


@workflow.defn
class OrderLookupWorkflow:
    """One read of the broker's order list; nothing is written."""

    @workflow.run
    async def run(self, request: SessionRequest) -> ListedOrders:
        """Query a day's orders."""
        return await workflow.execute_activity_method(
            OrderLookup.list_broker_orders,
            request.session_date,
            **via(task_queues(request.account_id).watch, ASK_BROKER, "list the broker's orders for an operator"),
        )
