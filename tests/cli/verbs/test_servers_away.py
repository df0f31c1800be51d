"""PostgreSQL or Temporal is away: each verb says so in plain words."""

from collections.abc import Mapping

import pytest

from tests.support.command_line import Run

VERBS = (
    *("status", "rules", "pause", "stop", "kill-switch on", "kill-switch off", "alert-channels", "close", "reconcile"),
    *("quarantine", "foreign-orders", "adopt run-1/1 0000000001 06010 --reason seen", "summary", "trades", "statement"),
    *("doctor", "report", "audit", "forget-keys", "migrate", "--workers 2 --detach"),
)
RAW = ("Errno", "Connect call failed", "asyncpg", "tonic", "hyper", "RPCError", "status:", "Traceback", "libpq", "tcp ")
"""Texts of the database driver, of gRPC and of Python."""


@pytest.mark.parametrize("words", VERBS)
def test_a_database_that_is_away_is_named_without_the_driver_s_words(
    run: Run, paper_fleet: Mapping[str, str], unused_port: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.opening.BOOKS_WITHIN", 0.5)
    away = f"postgresql://haru:secret-1@127.0.0.1:{unused_port}/haru"

    done = run(*words.split(), DATABASE_URL=away)

    assert done.returncode == 1
    assert "PostgreSQL" in done.stdout + done.stderr
    assert [raw for raw in RAW if raw in done.stdout + done.stderr] == []


@pytest.mark.parametrize("words", VERBS)
def test_a_temporal_that_is_away_is_named_without_the_words_of_grpc(
    run: Run, paper_fleet: Mapping[str, str], unused_port: int, words: str
) -> None:
    done = run(*words.split(), TEMPORAL_ADDRESS=f"127.0.0.1:{unused_port}")

    assert [raw for raw in RAW if raw in done.stdout + done.stderr] == []
    if done.returncode:
        assert "Temporal" in done.stdout + done.stderr or words == "report"
