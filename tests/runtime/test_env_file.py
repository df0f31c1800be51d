"""`.env` as editors on Korean Windows write it: read, or refused with the line and the command that corrects it."""

import os
import subprocess
from pathlib import Path

import pytest

from cli.verbs.key_import import KeyImportError, import_keys
from domain.identity import Environment
from runtime.settings import SettingsError, load_settings

pytestmark = pytest.mark.usefixtures("nothing_configured")
LINES = "# 하루 설정\nHARU_SIMULATOR__SPEED=30\n"


def complaint(content: bytes) -> str:
    Path(".env").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_and_without_its_mark(encoding: str) -> None:
    Path(".env").write_bytes("HARU_SIMULATOR__SPEED=30\n# 하루\n".encode(encoding))

    assert load_settings().simulator.speed == 30


@pytest.mark.parametrize(
    ("encoding", "named"), [("cp949", "line 1, perhaps cp949"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16")]
)
def test_another_encoding_is_refused_with_the_command_that_converts_the_file(encoding: str, named: str) -> None:
    said = complaint(LINES.encode(encoding))

    assert said.startswith(".env is ")
    assert named in said
    subprocess.run(said.partition("or run: ")[2], shell=True, check=True)
    assert load_settings().simulator.speed == 30


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named() -> None:
    Path(".env").touch(mode=0o000)

    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load_settings()


def test_a_folder_in_its_place_is_named() -> None:
    Path(".env").mkdir()

    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    "line", ["HARU_RULES__EXITS__STOP_LOSS 3%", "HARU_RULES__EXITS__STOP_LOSS", "export HARU_BROKER__APP_KEY='open"]
)
def test_a_line_of_ours_that_is_no_assignment_is_refused_by_its_number(line: str) -> None:
    """Otherwise it would be skipped, and Haru would trade by the default."""
    said = complaint(f"# first\n\n{line}\nOTHER=1\n".encode())

    assert said.startswith(".env, line 3: this is not NAME=value")


def test_lines_of_other_programs_are_ignored() -> None:
    Path(".env").write_text("just words\nOTHER\nHARU_SIMULATOR__SPEED=30\n")

    assert load_settings().simulator.speed == 30


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("HARU_SIMULATOR__SPEED=３０", "HARU_SIMULATOR__SPEED: full-width characters (３０); write 30"),
        ("HARU_RULES__EXITS__STOP_LOSS=3％", "HARU_RULES__EXITS__STOP_LOSS: full-width characters (％); write 3%"),
        ("HARU_RULES__RISK__FLEET_DAILY_LOSS=٣٠٠", "write 300"),
        ("ＨＡＲＵ_SIMULATOR__SPEED=30", "did you mean HARU_SIMULATOR__SPEED"),
    ],
)
def test_full_width_characters_are_refused_with_what_to_write(line: str, named: str) -> None:
    assert named in complaint(f"{line}\n".encode())


def test_a_secret_with_full_width_characters_is_not_shown() -> None:
    said = complaint("HARU_BROKER__ACCOUNT=１２３４５６７８-01\n".encode())

    assert said == "HARU_BROKER__ACCOUNT: full-width characters; write it in plain ASCII"


def test_keys_are_not_imported_into_a_file_of_another_encoding(tmp_path: Path) -> None:
    source, target = tmp_path / "kis_devlp.yaml", tmp_path / ".env"
    source.write_text(
        f"paper_app: {'k' * 36}\npaper_sec: {'s' * 180}\nmy_paper_stock: '12345678'\nmy_prod: '01'\nmy_htsid: haru\n"
    )
    target.write_bytes("# 하루\n".encode("cp949"))

    with pytest.raises(KeyImportError, match="not UTF-8"):
        import_keys(source, target, Environment.PAPER)

    assert target.read_bytes() == "# 하루\n".encode("cp949")
