"""Doctor check of the role under which the application uses PostgreSQL."""

from typing import TYPE_CHECKING

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from runtime.superuser import SEPARATE_ROLES, superuser_problem

if TYPE_CHECKING:
    from database.server import Role


def look_at_role(role: "Role", *, is_live: bool) -> Finding:
    """Check whether the application could change the schema or the server itself."""
    if problem := superuser_problem(role):
        return wrong(problem, SEPARATE_ROLES) if is_live else doubtful(problem, SEPARATE_ROLES)
    if role.owns_tables:
        return doubtful(f"the role {role.name} owns the tables, and could drop or rewrite them", SEPARATE_ROLES)
    return fine(f"the role {role.name} reads and writes rows only")
