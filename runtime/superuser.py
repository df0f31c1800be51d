"""PostgreSQL superuser roles: the problem, and the remedy."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from database.server import Role

SEPARATE_ROLES: Final = (
    "give the application a role of its own in DATABASE_URL, and name the owner of the tables in "
    "HARU_DATABASE_MIGRATION_URL (docs/operations.md, “Roles of the database”)"
)


def superuser_problem(role: "Role") -> str:
    """Return why a superuser role is a problem; empty for other roles."""
    if not role.is_superuser:
        return ""
    return f"the role {role.name} is a superuser: SQL that reaches it reads the server's files and runs programs"
