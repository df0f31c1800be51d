"""One host per folder: a second is refused at once, and a new host waits for a dead host's parts to end."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.embedded import folder as folder_module
from runtime.embedded.errors import CorruptFolderError, DiskFullError, FolderHeldError
from runtime.embedded.folder import FolderHold, hold_folder, read_json
from runtime.embedded.parts import EmbeddedParts
from runtime.settings import load_settings
from security.private_files import write_private
from tests.runtime.embedded.processes import is_held


async def test_a_second_hold_is_refused_at_once_and_names_the_holder(tmp_path: Path) -> None:
    hold = await hold_folder(tmp_path)
    began = time.monotonic()

    with pytest.raises(FolderHeldError, match=rf"process {os.getpid()} .* since 20.*HARU_DATA_DIR"):
        await hold_folder(tmp_path)

    assert time.monotonic() - began < 1
    hold.release()


async def test_a_released_folder_can_be_held_again(tmp_path: Path) -> None:
    (await hold_folder(tmp_path)).release()
    assert not is_held(tmp_path)

    again = await hold_folder(tmp_path)

    assert is_held(tmp_path)
    again.release()


def part_of(hold: FolderHold, seconds: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"], pass_fds=[hold.shared])


async def test_the_parts_of_a_dead_host_are_waited_for(tmp_path: Path) -> None:
    hold = await hold_folder(tmp_path)
    part = part_of(hold, 1)
    hold.release()
    began = time.monotonic()

    (await hold_folder(tmp_path)).release()

    assert time.monotonic() - began > 0.3
    part.wait()


async def test_parts_that_do_not_stop_are_named_in_the_end(tmp_path: Path) -> None:
    hold = await hold_folder(tmp_path)
    part = part_of(hold, 600)
    hold.release()

    with pytest.raises(FolderHeldError, match="still has running parts"):
        await hold_folder(tmp_path, others_stop_within=0.3)

    part.kill()
    part.wait()


async def test_a_lock_file_with_rubbish_in_it_still_locks(tmp_path: Path) -> None:
    hold = await hold_folder(tmp_path)
    (tmp_path / "lock").write_text("rubbish")

    with pytest.raises(FolderHeldError, match="process unknown"):
        await hold_folder(tmp_path)

    hold.release()
    (await hold_folder(tmp_path)).release()
    assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()


async def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CorruptFolderError, match="HARU_DATA_DIR"):
        await hold_folder(tmp_path / "file")


async def test_parts_do_not_start_on_a_disk_that_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(folder_module, "_LEAST_FREE", free * 2)
    monkeypatch.setenv("HARU_DATA_DIR", str(tmp_path))

    with pytest.raises(DiskFullError, match=r"MB free, .* MB are needed; .*HARU_DATA_DIR"):
        async with EmbeddedParts(load_settings()):
            pass

    assert {path.name for path in tmp_path.iterdir()} == {"lock", "lock.host"}, "nothing was begun"
    (await hold_folder(tmp_path)).release()


def test_a_private_file_is_replaced_whole_and_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")

    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff"])
def test_a_file_that_is_not_a_json_object_is_refused_with_the_fix(tmp_path: Path, text: str) -> None:
    (tmp_path / "market.json").write_text(text)

    with pytest.raises(CorruptFolderError, match=r"market\.json.*move it away"):
        read_json(tmp_path / "market.json")


def test_no_file_is_no_object(tmp_path: Path) -> None:
    assert read_json(tmp_path / "market.json") is None
