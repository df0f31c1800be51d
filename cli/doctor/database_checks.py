"""Doctor checks of PostgreSQL and its books: durable commits, the application's role, verdicts on strategies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from domain.identity import Environment
from domain.verdict import Standing
from fleet.standings import standing_warnings
from runtime.superuser import SEPARATE_ROLES, superuser_problem

if TYPE_CHECKING:
    from database.server import Durability, Role

_AFTER_A_CRASH: Final = "after a crash the last commits may be missing, or the books damaged"
_AFTER_A_FAILOVER: Final = "a replica that takes over may lack the last orders and fills"
_AT_STAKE: Final = (
    "Haru then looks at the broker before it gives up an order and reads fills again, but an order whose intent is "
    "lost is only reported"
)


def look_at_durability(durability: "Durability") -> Finding:
    """Check that a commit survives a crash of the server and a failover to a replica."""
    lost, fixes = [], []
    if durability.loses_on_crash:
        lost.append(f"{', '.join(durability.loses_on_crash)}: {_AFTER_A_CRASH}")
        fixes.append("set " + ", ".join(name.replace("=off", "=on") for name in durability.loses_on_crash))
    if durability.loses_on_failover:
        lost.append(f"no commit waits for the {durability.replicas} replica(s): {_AFTER_A_FAILOVER}")
        fixes.append("set synchronous_standby_names, with synchronous_commit=on")
    if lost:
        return doubtful(f"{'; '.join(lost)}. {_AT_STAKE}", "; ".join(fixes))
    replica = "on a replica too" if durability.waits_for_standby else "no replica streams from it"
    return fine(f"a commit is on disk before it counts; {replica}")


def look_at_role(role: "Role", *, is_live: bool) -> Finding:
    """Check whether the application could change the schema or the server itself."""
    if problem := superuser_problem(role):
        return wrong(problem, SEPARATE_ROLES) if is_live else doubtful(problem, SEPARATE_ROLES)
    if role.owns_tables:
        return doubtful(f"the role {role.name} owns the tables, and could drop or rewrite them", SEPARATE_ROLES)
    return fine(f"the role {role.name} reads and writes rows only")


def look_at_verdicts(standings: Sequence[Standing]) -> Finding:
    """Check that real money may buy by each strategy of the settings."""
    if refused := [each.objection for each in standings if not each.may_buy]:
        return wrong("; ".join(refused), "judge a backtest with `verdict`, or confirm with `unproven accept`")
    if warnings := standing_warnings(standings, Environment.LIVE):
        return doubtful("; ".join(warnings), "judge a backtest with `verdict`")
    return fine(", ".join(f"{each.strategy} has passed" for each in standings))
