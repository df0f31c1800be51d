"""What a check-up says of the role under which the application uses PostgreSQL."""

from typing import TYPE_CHECKING, Final

from operations.checkup import Finding, doubtful, fine, wrong

if TYPE_CHECKING:
    from database.server import Role

SEPARATE_ROLES: Final = (
    "give the application a role of its own in DATABASE_URL, and name the owner of the tables in "
    "HARU_DATABASE_MIGRATION_URL (docs/operations.md, “Roles of the database”)"
)


def superuser_problem(role: "Role") -> str:
    """Return what is wrong with a role that may do anything; empty when it may not."""
    if not role.is_superuser:
        return ""
    return f"the role {role.name} is a superuser: SQL that reaches it reads the server's files and runs programs"


def look_at_role(role: "Role", *, is_live: bool) -> Finding:
    """Tell whether the application could change the schema, or the server itself."""
    if problem := superuser_problem(role):
        return wrong(problem, SEPARATE_ROLES) if is_live else doubtful(problem, SEPARATE_ROLES)
    if role.owns_tables:
        return doubtful(f"the role {role.name} owns the tables, and could drop or rewrite them", SEPARATE_ROLES)
    return fine(f"the role {role.name} reads and writes rows only")
