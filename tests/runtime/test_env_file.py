"""`.env` as editors on Korean Windows write it: read, or refused with the line and the command that corrects it."""

import os
import subprocess
from pathlib import Path

import pytest

from cli.verbs.key_import import KeyImportError, import_keys
from domain.identity import Environment
from runtime.env_file import describe_env_file
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

    assert said.startswith(f"{Path('.env').absolute()} is ")
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

    assert said.startswith(f"{Path('.env').absolute()}, line 3: this is not NAME=value")


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


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another current folder than the checkout's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_file_beside_worker_py_is_read_from_another_folder(elsewhere: Path) -> None:
    (elsewhere.parent / ".env").write_text(LINES)

    settings = load_settings()

    assert settings.simulator.speed == 30
    assert settings.data_dir == elsewhere.parent / ".haru"
    assert describe_env_file() == f"settings: {elsewhere.parent / '.env'} and environment variables"


def test_haru_env_file_names_another_file_and_the_data_is_kept_beside_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere.parent / ".env").write_text("HARU_SIMULATOR__SPEED=99\n")
    (elsewhere / "paper.env").write_text(LINES)
    monkeypatch.setenv("HARU_ENV_FILE", "paper.env")

    settings = load_settings()

    assert settings.simulator.speed == 30
    assert settings.data_dir == elsewhere / ".haru"
    assert describe_env_file() == f"settings: {elsewhere / 'paper.env'} and environment variables"


def test_haru_env_file_without_a_file_is_refused(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ENV_FILE", str(elsewhere / "missing.env"))

    with pytest.raises(SettingsError, match=r"^HARU_ENV_FILE: .*/missing\.env does not exist; correct the path"):
        load_settings()


def test_haru_env_file_of_dev_null_reads_no_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (elsewhere, elsewhere.parent):
        (folder / ".env").write_text(LINES)
    monkeypatch.setenv("HARU_ENV_FILE", os.devnull)

    settings = load_settings()

    assert settings.simulator.speed == 10
    assert settings.data_dir == elsewhere.parent / ".haru"
    assert describe_env_file() == "settings: environment variables only (/dev/null is no file)"


def test_a_named_file_is_as_private_as_the_usual_one(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "open.env").write_text(LINES)
    (elsewhere / "open.env").chmod(0o644)
    monkeypatch.setenv("HARU_ENV_FILE", "open.env")

    with pytest.raises(SettingsError, match=r"open\.env: other users .* run: chmod 600 "):
        load_settings()


@pytest.mark.parametrize("beside", [True, False])
def test_a_file_of_ours_in_the_current_folder_is_never_ignored(elsewhere: Path, *, beside: bool) -> None:
    """Otherwise an operator's paper account would start as SIMULATED."""
    (elsewhere / ".env").write_text("HARU_BROKER__ENVIRONMENT=paper\n")
    if beside:
        (elsewhere.parent / ".env").write_text(LINES)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    here, used = elsewhere / ".env", elsewhere.parent / ".env"
    assert str(caught.value).startswith(f"{here} is not used: settings are read from {used}.")
    assert f"set HARU_ENV_FILE={here}." in str(caught.value)


def test_a_file_of_ours_in_utf_16_in_the_current_folder_is_not_ignored_either(elsewhere: Path) -> None:
    (elsewhere / ".env").write_bytes(LINES.encode("utf-16"))

    with pytest.raises(SettingsError, match="is not used: settings are read from"):
        load_settings()


def test_a_file_of_another_program_in_the_current_folder_is_ignored(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("NODE_ENV=production\nDATABASE_URL=mysql://shop\n")

    assert load_settings().database_url is None


def test_a_link_to_the_file_that_is_used_is_no_other_file(elsewhere: Path) -> None:
    (elsewhere.parent / ".env").write_text(LINES)
    (elsewhere / ".env").symlink_to(elsewhere.parent / ".env")

    assert load_settings().simulator.speed == 30


def test_books_in_the_current_folder_are_never_ignored(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a second, empty data folder would start beside open positions."""
    (elsewhere / ".haru" / "postgres").mkdir(parents=True)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    data = elsewhere / ".haru"
    assert str(caught.value).startswith(f"{data} is not used: data is kept in {elsewhere.parent / '.haru'}.")
    assert f"set HARU_DATA_DIR={data}." in str(caught.value)
    monkeypatch.setenv("HARU_DATA_DIR", str(data))
    assert load_settings().data_dir == data


def test_a_relative_data_folder_in_the_file_starts_at_the_files_folder(elsewhere: Path) -> None:
    (elsewhere.parent / ".env").write_text("HARU_DATA_DIR=.haru-paper\n")

    assert load_settings().data_dir == elsewhere.parent / ".haru-paper"


def test_the_file_cannot_name_another_file(elsewhere: Path) -> None:
    (elsewhere.parent / ".env").write_text("HARU_ENV_FILE=other.env\n")

    with pytest.raises(SettingsError, match=r"HARU_ENV_FILE names the file itself; set it in the environment"):
        load_settings()


def test_a_misspelt_haru_env_file_is_named_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ENVFILE", "x")

    with pytest.raises(SettingsError, match=r"HARU_ENVFILE is not a variable .* did you mean HARU_ENV_FILE"):
        load_settings()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_named_file_in_a_closed_folder_is_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "closed").mkdir(mode=0o000)
    monkeypatch.setenv("HARU_ENV_FILE", "closed/.env")

    with pytest.raises(SettingsError, match=r"closed/\.env cannot be read \(Permission denied\)"):
        load_settings()
