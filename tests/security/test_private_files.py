"""Files planted, linked, opened or readable by another user: refused, with the command that corrects it."""

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import gettempdir

import pytest

from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.folder import hold_folder
from runtime.embedded.token_key import FILE, kept_key
from runtime.settings import SettingsError, load_settings
from security.private_files import (
    NotPrivateError,
    append_private,
    kept_private,
    open_private,
    private_folder,
    read_private,
    write_private,
)
from simulator.journal import FILE_NAME, Journal, JournalError
from tests.test_worker import ends

ROOT = Path(__file__).resolve().parents[2]
STRANGER = pwd.getpwnam("daemon").pw_uid
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of a second user")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def given_away(path: Path) -> Path:
    """Change the owner of a file or link to another user, with mode and content unchanged."""
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    return path


def test_a_folder_is_made_closed_with_all_that_leads_to_it(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")

    assert (mode_of(folder), mode_of(folder.parent)) == (0o700, 0o700)


def test_a_folder_of_ours_that_others_could_only_read_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    assert mode_of(private_folder(tmp_path)) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o1777])
def test_a_folder_that_others_could_write_into_is_refused_and_left_as_it_is(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(NotPrivateError, match=r"chmod go-rwx .*/data"):
        private_folder(folder)

    assert mode_of(folder) == mode


def test_a_folder_below_one_that_others_may_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open" / "data").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)

    with pytest.raises(NotPrivateError, match=r"/open: other users may change it .* chmod go-w"):
        private_folder(tmp_path / "open" / "data")


def test_nothing_is_made_below_a_folder_that_others_may_change(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    with pytest.raises(NotPrivateError):
        private_folder(tmp_path / "open" / "new" / "data")

    assert list((tmp_path / "open").iterdir()) == []


def test_our_own_link_to_another_disk_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to("disk/../disk")

    assert private_folder(tmp_path / "data" / "haru") == tmp_path.resolve() / "disk" / "haru"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    with pytest.raises(OSError, match="too many symbolic links"):
        private_folder(tmp_path / "one")


def test_a_file_is_written_closed_and_whole_in_the_place_of_a_link(tmp_path: Path) -> None:
    target, path = tmp_path / "precious", tmp_path / "file"
    target.write_text("precious")
    path.symlink_to(target)

    write_private(path, "new")

    assert (target.read_text(), path.read_text(), mode_of(path)) == ("precious", "new", 0o600)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "precious"]


def test_a_link_planted_as_the_draft_of_a_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / f"file.{os.getpid()}.new").symlink_to(target)

    write_private(tmp_path / "file", "new")

    assert target.read_text() == "precious"


@pytest.mark.parametrize("opened", [append_private, lambda path: open_private(path, os.O_RDWR), read_private])
def test_a_link_in_the_place_of_a_file_is_refused(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    target, path = tmp_path / "precious", tmp_path / "file"
    target.write_text("precious")
    path.symlink_to(target)

    with pytest.raises(NotPrivateError, match="symbolic link"):
        opened(path)

    assert target.read_text() == "precious"


@pytest.mark.parametrize("opened", [append_private, read_private])
def test_a_file_with_a_second_name_is_refused(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    (tmp_path / "file").touch(0o600)
    os.link(tmp_path / "file", tmp_path / "other")

    with pytest.raises(NotPrivateError, match="hard link"):
        opened(tmp_path / "file")


@pytest.mark.parametrize("opened", [append_private, read_private])
def test_a_named_pipe_in_the_place_of_a_file_keeps_no_program_waiting(
    tmp_path: Path, opened: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "file")

    with pytest.raises(NotPrivateError, match="not a plain file"):
        opened(tmp_path / "file")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    kept_key(tmp_path)
    (tmp_path / FILE).chmod(mode)

    with pytest.raises(CorruptFolderError, match=r"chmod 600 .*token\.key.* replace the keys"):
        kept_key(tmp_path)


def test_a_journal_in_whose_place_a_link_lies_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "precious")

    with pytest.raises(JournalError, match=r"journal\.jsonl: a symbolic link"):
        Journal(tmp_path)


@pytest.mark.slow
async def test_worker_py_names_a_log_that_was_planted_and_writes_nothing_into_it(tmp_path: Path) -> None:
    precious, logs = tmp_path / "precious", tmp_path / "data" / "logs"
    precious.write_text("precious")
    logs.mkdir(parents=True)
    for name in ("initdb.log", "postgresql.log"):
        (logs / name).symlink_to(precious)

    code, said = await ends(tmp_path / "data")

    assert code == 1
    assert "initdb.log: a symbolic link where a file should be; remove it" in said
    assert "Traceback" not in said
    assert precious.read_text() == "precious"


def test_a_log_that_others_could_only_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    (tmp_path / "log").chmod(0o644)

    append_private(tmp_path / "log").close()

    assert mode_of(tmp_path / "log") == 0o600


async def test_a_data_folder_that_others_prepared_is_refused_with_the_variable(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(CorruptFolderError, match=r"cannot be trusted.*HARU_DATA_DIR"):
        await hold_folder(folder)

    assert list(folder.iterdir()) == []


async def test_a_held_data_folder_is_its_users_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)

    hold = await hold_folder(tmp_path)
    hold.release()

    assert mode_of(tmp_path) == 0o700
    assert {mode_of(path) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.usefixtures("nothing_configured")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_an_env_file_that_others_may_read_is_refused(mode: int) -> None:
    Path(".env").write_text("HARU_SIMULATOR__SEED=3\n")
    Path(".env").chmod(mode)

    with pytest.raises(SettingsError, match=r"\.env: other users .* run: chmod 600 \S*\.env"):
        load_settings()


@pytest.mark.usefixtures("nothing_configured")
def test_our_own_link_to_an_env_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("HARU_SIMULATOR__SEED=3\n")
    Path(".env").symlink_to(tmp_path / "kept")

    assert load_settings().simulator.seed == 3


@as_root
@pytest.mark.usefixtures("nothing_configured")
@pytest.mark.parametrize("planted", ["file", "link"])
def test_an_env_file_of_another_user_redirects_nothing(tmp_path: Path, planted: str) -> None:
    written = tmp_path / ("kept" if planted == "link" else ".env")
    written.write_text("HARU_BROKER__REST_URL=https://stranger.example\n")
    if planted == "link":
        Path(".env").symlink_to(written)
    given_away(Path(".env"))

    with pytest.raises(SettingsError, match=r"belongs to user daemon, not to root.*chown root \S*\.env"):
        load_settings()


@as_root
async def test_a_folder_of_another_user_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder, target = tmp_path / "data", tmp_path / "precious"
    folder.mkdir()
    target.write_text("precious")
    (folder / "lock").symlink_to(target)
    given_away(folder)

    with pytest.raises(CorruptFolderError, match=r"belongs to user daemon.*chown root"):
        await hold_folder(folder)

    assert target.read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["lock"]


@as_root
def test_a_key_that_another_user_planted_is_not_taken(tmp_path: Path) -> None:
    kept_key(tmp_path)
    given_away(tmp_path / FILE)

    with pytest.raises(CorruptFolderError, match="belongs to user daemon"):
        kept_key(tmp_path)


@as_root
def test_a_link_of_another_user_to_a_folder_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "data").symlink_to("ours")
    given_away(tmp_path / "data")

    with pytest.raises(NotPrivateError, match=r"/data: it belongs to user daemon"):
        private_folder(tmp_path / "data")


@as_root
def test_an_ordinary_user_may_read_an_administrators_file_that_only_its_group_may_read(tmp_path: Path) -> None:
    """As in `/opt`, where root owns the configuration of a service."""
    path = tmp_path / ".env"
    path.write_text("HARU_SIMULATOR__SEED=3\n")
    os.chown(path, 0, STRANGER)
    for place in (tmp_path, *tmp_path.parents[:3]):
        if place != Path(gettempdir()):
            place.chmod(0o711)

    path.chmod(0o640)
    assert _seed_read_as_a_stranger(tmp_path) == "3"

    path.chmod(0o644)
    assert "chmod 600" in _seed_read_as_a_stranger(tmp_path)


def _seed_read_as_a_stranger(folder: Path) -> str:
    code = (
        "import encodings.utf_8_sig, os\nfrom runtime.settings import load_settings\n"
        f"os.setgroups([]); os.setgid({STRANGER}); os.setuid({STRANGER})\n"
        "try:\n    print(load_settings().simulator.seed)\nexcept Exception as error:\n    print(error)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    environment["HARU_ENV_FILE"] = str(folder / ".env")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_file_that_many_make_at_once_is_made_by_one(tmp_path: Path) -> None:
    numbers = iter(range(100))

    with ThreadPoolExecutor(16) as pool:
        kept = list(pool.map(lambda _: kept_private(tmp_path / "data" / "key", lambda: str(next(numbers))), range(64)))

    assert set(kept) == {b"0"}


def test_processes_that_make_the_same_folder_at_once_all_get_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for number in range(50):
            folder = tmp_path / str(number) / "data"
            assert set(pool.map(lambda _, folder=folder: private_folder(folder), range(16))) == {folder}
