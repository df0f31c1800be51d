"""A fleet for each test of the page, and a data folder of its own for the audit log."""

from pathlib import Path

import pytest

from tests.support.running_fleet import database, fleet, hosted

__all__ = ["database", "fleet", "hosted"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_DATA_DIR", str(tmp_path / "audited"))
    (tmp_path / "audited").mkdir(mode=0o700)
