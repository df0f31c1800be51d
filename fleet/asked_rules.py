"""The rules that running workers report when they are asked."""

import logging
from datetime import timedelta
from typing import Any, Final

from domain.identity import WorkerId
from domain.rules import RiskRules, TradingRules
from fleet.fleet import Fleet
from workflows.faults import temporal_cause
from workflows.identity import RISK_RULES, TRADING_RULES, WATCHED_RULES, worker_workflow_id

logger = logging.getLogger("haru.operations")

_ANSWERS_WITHIN: Final = timedelta(seconds=2)


async def trading_rules_of(fleet: Fleet, worker_id: WorkerId) -> TradingRules | None:
    """Return a worker's current trading rules, None if it does not answer."""
    rules: TradingRules | None = await _asked(fleet, worker_id, TRADING_RULES, TradingRules)
    return rules


async def watched_rules_of(fleet: Fleet, worker_id: WorkerId) -> TradingRules | None:
    """Return the rules that a worker's position is watched under, None if it has none or does not answer."""
    rules: TradingRules | None = await _asked(fleet, worker_id, WATCHED_RULES, TradingRules | None)
    return rules


async def risk_rules_of(fleet: Fleet, worker_id: WorkerId) -> RiskRules | None:
    """Return a worker's effective limits, None if it does not answer."""
    rules: RiskRules | None = await _asked(fleet, worker_id, RISK_RULES, RiskRules)
    return rules


async def _asked(fleet: Fleet, worker_id: WorkerId, query: str, answer: Any) -> Any:
    """Return a worker's answer; None if there is no readable answer in time."""
    workflow_id = worker_workflow_id(fleet.account_id, worker_id)
    handle = fleet.client.get_workflow_handle(workflow_id)
    try:
        return await handle.query(query, result_type=answer, rpc_timeout=_ANSWERS_WITHIN)
    except Exception as fault:  # noqa: BLE001 - a foreign workflow under this id must not hide other workers' rules
        logger.warning("worker_not_asked", extra={"worker": worker_id, "cause": temporal_cause(fault)})
        return None
