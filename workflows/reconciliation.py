"""Reconciliation on demand: an operator looks at the two books, and may let the ledger follow the broker."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconciling import Reconciled, ReconcileRequest, ReconcilingActivities
    from workflows.identity import task_queues
    from workflows.options import LOOK, via


@workflow.defn
class ReconciliationWorkflow:
    """One comparison of broker and ledger; a second one right after it changes nothing."""

    @workflow.run
    async def run(self, request: ReconcileRequest) -> Reconciled:
        """Compare, and write down what was found if the request says so."""
        summary = "broker against ledger" + ("" if request.apply else ", only looking")
        return await workflow.execute_activity_method(
            ReconcilingActivities.reconcile_account,
            request,
            **via(task_queues(request.account_id).watch, LOOK, summary),
        )
