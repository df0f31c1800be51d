"""What stands behind each strategy in use: its verdict, or an operator's confirmation. Only real money needs it."""

from collections.abc import Sequence

from domain.identity import Environment
from domain.verdict import Standing
from fleet.fleet import Fleet
from strategies import known


async def read_standings(fleet: Fleet, names: Sequence[str]) -> tuple[Standing, ...]:
    """Return the standing of strategies as this process knows their code."""
    return await fleet.database.verdicts.standings(fleet.account_id, codes_of(names))


def codes_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return strategies with their source hash as this process knows them; empty where it does not."""
    strategies = known().strategies
    return [(name, strategies[name].source if name in strategies else "") for name in names]


def standing_warnings(standings: Sequence[Standing], environment: Environment) -> list[str]:
    """Return a warning for each strategy that real money does not buy by, or buys by without a passing verdict."""
    if environment is not Environment.LIVE:
        return []
    return [
        each.objection
        or f"{each.strategy} trades real money without a passing verdict, confirmed because: {each.accepted_because}"
        for each in standings
        if not each.has_passed
    ]
