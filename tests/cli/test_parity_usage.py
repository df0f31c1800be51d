"""The verb ``parity`` refuses a wrong command with what to write instead, before anything starts."""

from pathlib import Path

import pytest

from cli.main import main


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Path:
    folder = tmp_path / "data"
    (folder / "recordings" / "2025-11-15").mkdir(parents=True)
    (folder / "recordings" / "2025-11-15" / "1.jsonl.gz").touch(mode=0o600)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["2025-11-17"], "no recording of 2025-11-17"),
        (["2025-11-15"], "2025-11-15 is no session of KRX"),
        (["2025-11-15", "--what-if", "exits.stop_loss"], "write RULE=VALUE"),
        (["2025-11-15", "--what-if", "universe.symbols=005930"], "the stocks that were recorded"),
    ],
)
def test_a_wrong_command_is_refused_with_the_remedy(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(["parity", *words]) == 1
    assert says in capsys.readouterr().err
    assert not (data / "backtests").exists()
