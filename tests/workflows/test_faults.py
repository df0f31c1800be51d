"""Errors of Temporal and PostgreSQL as an operator reads them: the cause and the remedy, not the driver's text."""

import socket

import asyncpg
import pytest
from temporalio.service import RPCError, RPCStatusCode

from database.errors import _CAUSES, _LIBPQ, DatabaseAwayError, database_cause, libpq_cause
from database.pool import TAKES_NO_WRITES
from domain.errors import TradingError
from runtime.faults import explain
from runtime.hosting import WorkerError, _at_the_start
from workflows.faults import temporal_cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b""), "no connection"),
        (RPCError("Timeout expired", RPCStatusCode.DEADLINE_EXCEEDED, b""), "no answer in time"),
        (RPCError("nope", RPCStatusCode.PERMISSION_DENIED, b""), "the credentials are refused"),
        (RPCError("odd", RPCStatusCode.DATA_LOSS, b""), "it refuses the request (DATA_LOSS)"),
        (
            RuntimeError("tonic::Error(ConnectError(Connection refused))"),
            "the connection is refused, because no server",
        ),
        (RuntimeError("dns error: failed to lookup"), "the host name is unknown"),
        (RuntimeError("invalid peer certificate: UnknownIssuer"), "its certificate is not accepted"),
        (RuntimeError("something else"), "no connection"),
        (ValueError("refused: encrypted by a key that this host does not have"), "ValueError: refused: encrypted by"),
    ],
)
def test_the_cause_at_temporal(error: Exception, cause: str) -> None:
    assert temporal_cause(error).startswith(cause)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "the connection is refused"),
        (socket.gaierror(-2, "Name or service not known"), "the host name is unknown"),
        (TimeoutError(), "no answer in time"),
        (OSError("Multiple exceptions: [Errno 111]"), "no connection"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "the login is refused"),
        (asyncpg.InvalidCatalogNameError("database x does not exist"), "the database does not exist"),
        (asyncpg.AdminShutdownError("terminating connection"), "it is starting or stopping"),
        (asyncpg.DivisionByZeroError("division by zero"), "it refuses the request (SQLSTATE 22012)"),
        (asyncpg.InterfaceError("connection is closed"), "the connection was lost"),
        (DatabaseAwayError("the login is refused"), "the login is refused"),
    ],
)
def test_the_cause_at_postgresql(fault: Exception, cause: str) -> None:
    assert database_cause(fault).startswith(cause)
    assert explain(fault).startswith(f"PostgreSQL: {cause}")


REMEDIES = ("start it", "check that", "start `python")


@pytest.mark.parametrize("cause", [cause for _, cause in (*_CAUSES, *_LIBPQ)] + [TAKES_NO_WRITES])
def test_a_cause_that_names_its_remedy_gets_no_second_one(cause: str) -> None:
    fault = DatabaseAwayError(cause)

    with pytest.raises(WorkerError) as at_the_start, _at_the_start("postgresql://haru@db:5432/haru"):
        raise fault

    for text in (str(at_the_start.value), explain(fault)):
        assert text.count("; ") == 1, text
        assert any(remedy in text for remedy in REMEDIES) is ("; " not in cause), text


def test_libpq_has_only_texts() -> None:
    assert libpq_cause('connection to server at "127.0.0.1" failed: Connection refused').startswith("the connection is")
    assert libpq_cause('FATAL:  password authentication failed for user "haru"').startswith("the login is")
    assert libpq_cause("nothing known") == "no connection"


def test_a_file_is_named_and_an_error_of_ours_is_unchanged() -> None:
    assert explain(FileNotFoundError(2, "No such file or directory", "/x")) == "/x: No such file or directory"
    assert explain(TradingError("the books are shut")) == "the books are shut"
