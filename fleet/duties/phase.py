"""Messages of the exchange as a second source for open and close. They can shut entries, never exits."""

import logging
from datetime import timedelta
from typing import Final

from domain.event import EventLevel
from domain.events.market import market_phase_differs
from domain.market_phase import AGREES, SLACK, Heard, Judgement, Verdict, judge
from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.stream")

MARKET_HALTED: Final = "market halted"
PHASE_DIFFERS: Final = "market phase differs"
"""The causes under which entries are shut."""
_HEARD_WITHIN: Final = timedelta(seconds=15)
"""Real time that a message may take from the exchange to the books."""
_CAUSES: Final = {Judgement.HALTED: MARKET_HALTED, Judgement.DIFFERS: PHASE_DIFFERS}


class PhaseDuty:
    """Compare the last stream message about the market phase with the calendar."""

    terms = Terms("market_phase")

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._open: set[tuple[SessionDate, str]] = set()

    async def look(self) -> None:
        """Shut entries while trading is halted or both sources disagree; reopen when they agree again."""
        fleet, at = self._fleet, self._fleet.market_now()
        date, verdict = session_date_of(at), await self._verdict()
        for judgement, cause in _CAUSES.items():
            if verdict.judgement is judgement:
                await fleet.database.risk.close_entries(fleet.account_id, date, verdict.why, at, cause=cause)
                self._open.discard((date, cause))
            elif (date, cause) not in self._open:
                await fleet.database.risk.reopen_entries(fleet.account_id, date, cause)
                self._open.add((date, cause))
        if verdict.judgement in {Judgement.DIFFERS, Judgement.LATE_CLOSE}:
            await self._report(date, verdict)

    async def _verdict(self) -> Verdict:
        fleet, at = self._fleet, self._fleet.market_now()
        kept = await fleet.database.market_messages.latest(fleet.account_id)
        if kept is None or kept.session_date != session_date_of(at):
            return AGREES
        state = await fleet.database.stream_leases.state(fleet.account_id)
        since = state.connected_since if state is not None and state.is_live else None
        is_current = since is not None and kept.recorded_at >= since
        heard = Heard(kept.word, kept.code, kept.heard_at, is_current)
        slack = max(SLACK, fleet.clock.market_duration(_HEARD_WITHIN))
        return judge(fleet.plan_of_the_day(at).session, heard, at, slack)

    async def _report(self, date: SessionDate, verdict: Verdict) -> None:
        fleet, is_late = self._fleet, verdict.judgement is Judgement.LATE_CLOSE
        level = EventLevel.WARNING if is_late else EventLevel.CRITICAL
        event = market_phase_differs(fleet.account_id, date, level, verdict.why, fleet.market_now())
        if await fleet.database.events.append(event):
            logger.error("market_phase_differs", extra={"cause": verdict.why})
