"""Refresh the times of the close for each session: hours and the number of workers change."""

import logging

from domain.rules import TradingRules
from domain.session import SessionPlan
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.schedule import lay_close_times

logger = logging.getLogger("haru.hosting")


class ScheduleDuty:
    """Keep the close schedule in step with the next session's plan, until that session's deadline."""

    terms = Terms("close_times", every=15.0)

    def __init__(self, fleet: Fleet, rules: TradingRules) -> None:
        self._fleet = fleet
        self._rules = rules
        self._laid: SessionPlan | None = None

    async def look(self) -> None:
        """Set the times once for each plan. A fleet without workers has no plan."""
        workers = await self._fleet.database.workers.count(self._fleet.account_id)
        now = self._fleet.market_now()
        plan = self._fleet.plan_at(now, workers)
        if not workers or plan == self._laid or now >= plan.liquidation_at:
            return
        await lay_close_times(self._fleet, self._rules, now)
        self._laid = plan
        extra = {"session_date": plan.session.date, "liquidation_at": plan.liquidation_at, "workers": workers}
        logger.info("close_times_laid", extra=extra)
