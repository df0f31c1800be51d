"""Keep hosts from buying by code that differs between them, or that real money has not been confirmed for."""

import logging

from activities.support.strategy_standing import StrategyStanding
from domain.events.entries import RefusedStrategy, strategy_refused
from domain.identity import Environment
from domain.rules import TradingRules
from domain.strategy_agreement import disagreements
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from strategies.catalogue import Catalogue

logger = logging.getLogger("haru.strategies")


class StrategyDuty:
    """Records this host's strategies at its start, and compares them with those of the other living hosts."""

    terms = Terms("strategies")

    def __init__(self, fleet: Fleet, catalogue: Catalogue, rules: TradingRules) -> None:
        self._fleet = fleet
        self._catalogue = catalogue
        self._used = rules.strategy.names
        self._host_id = ""
        self._reported: dict[str, str] = {}
        self._unproven: dict[str, str] = {}
        self.standing = StrategyStanding(catalogue.sources)

    async def declare(self, host_id: str) -> "StrategyDuty":
        """Record the strategies before anything is hosted, and report what was refused. The host must be registered."""
        self._host_id = host_id
        known = {name: (each.version, each.source) for name, each in self._catalogue.strategies.items()}
        await self._fleet.database.strategy_sources.record(self._fleet.account_id, host_id, known)
        for refused in self._catalogue.refused:
            await self._report(refused.name, f"refused: {refused}")
        await self.look()
        return self

    async def look(self) -> None:
        """Compare with the living hosts; while one differs, none of them buys by that strategy.

        Real money buys only by code that has passed its verdict, or that an operator has confirmed.
        """
        others: dict[str, dict[str, str]] = {}
        for each in await self._fleet.database.strategy_sources.of_living(self._fleet.account_id):
            if each.host_id != self._host_id:
                others.setdefault(each.host_id, {})[each.strategy] = each.source
        differing = disagreements(self.standing.sources, others, self._used)
        try:
            self._unproven = await self._without_a_verdict()
        finally:  # verdicts that cannot be read delay no news about other code
            found = self.standing.objections = self._unproven | differing
        for name, why in found.items():
            if name in differing or name in self._used:
                await self._report(name, why)
        self._reported = {name: why for name, why in self._reported.items() if name in found or "refused" in why}

    async def _without_a_verdict(self) -> dict[str, str]:
        """Return the strategies by whose code real money does not buy: no verdict has passed it, and no operator.

        Every strategy is judged, not only those of the settings: a change of rules may name another one.
        """
        fleet = self._fleet
        if fleet.environment is not Environment.LIVE:
            return {}
        codes = [(name, each.source) for name, each in self._catalogue.strategies.items()]
        found = await fleet.database.verdicts.standings(fleet.account_id, codes)
        return {each.strategy: each.objection for each in found if not each.may_buy}

    async def _report(self, name: str, why: str) -> None:
        """Report each cause once."""
        if self._reported.get(name) == why:
            return
        fleet, now = self._fleet, self._fleet.market_now()
        logger.error("strategy_refused", extra={"strategy": name, "cause": why})
        refusal = RefusedStrategy(name, self._host_id, why)
        await fleet.database.events.append(strategy_refused(fleet.account_id, refusal, now))
        self._reported[name] = why
