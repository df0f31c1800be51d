"""What an operator reads when PostgreSQL or Temporal fails: the cause and the remedy, not the driver's text."""

from temporalio.service import RPCError

from database.errors import DATABASE_FAULTS, database_cause
from domain.errors import with_remedy
from security.private_files import NotPrivateError
from workflows.faults import temporal_cause


def explain(error: BaseException) -> str:
    """Return an expected error as a sentence for people. A raw error of a server becomes its cause and remedy."""
    if isinstance(error, RPCError):
        remedy = "check that it runs and TEMPORAL_ADDRESS, then try again"
        return f"Temporal: {with_remedy(temporal_cause(error), remedy)}"
    if isinstance(error, NotPrivateError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, DATABASE_FAULTS):
        cause = database_cause(error)
        if cause.startswith("PostgreSQL"):
            return cause
        return f"PostgreSQL: {with_remedy(cause, 'check that it runs and DATABASE_URL, then try again')}"
    return str(error) or type(error).__name__
