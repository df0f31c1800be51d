"""The information that later processes read about the running parts."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.clock import MarketClock
from runtime.embedded.endpoints import Endpoints, read_endpoints, remove_endpoints, write_endpoints
from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.market import Market

CLOCK = MarketClock(datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 22, 23, 58, tzinfo=UTC), 10)
ENDPOINTS = Endpoints(
    temporal_address="127.0.0.1:7233",
    temporal_ui_url="http://127.0.0.1:8233",
    database_url="postgresql://haru:secret@127.0.0.1:54329/haru",
    simulator_url="http://127.0.0.1:9443",
    market=Market(CLOCK, seed=7),
    pid=1,
)


@pytest.mark.parametrize("endpoints", [ENDPOINTS, Endpoints(), Endpoints(temporal_address="127.0.0.1:7233")])
def test_what_was_written_is_read(tmp_path: Path, endpoints: Endpoints) -> None:
    write_endpoints(tmp_path, endpoints)

    assert read_endpoints(tmp_path) == endpoints


def test_the_file_holds_a_password_and_is_private(tmp_path: Path) -> None:
    write_endpoints(tmp_path, ENDPOINTS)

    assert stat.S_IMODE((tmp_path / "endpoints.json").stat().st_mode) == 0o600


def test_nothing_is_read_where_nothing_runs(tmp_path: Path) -> None:
    write_endpoints(tmp_path, ENDPOINTS)

    remove_endpoints(tmp_path)

    assert read_endpoints(tmp_path) is None
    remove_endpoints(tmp_path)


@pytest.mark.parametrize("text", ["rubbish", "{}", '{"market": null, "colour": "red"}', '{"market": {"seed": 1}}'])
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoints.json").write_text(text)

    with pytest.raises(CorruptFolderError, match=r"endpoints\.json"):
        read_endpoints(tmp_path)


def test_the_text_for_people_has_no_password() -> None:
    shown = str(ENDPOINTS)

    assert "PostgreSQL 127.0.0.1:54329/haru" in shown
    assert "secret" not in shown
