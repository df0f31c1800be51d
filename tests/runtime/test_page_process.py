"""The page beside a host: its crashes, its refusal to end and its absence never reach the host."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.page_process import keep_page
from tests.runtime.embedded.processes import ROOT, eventually

CRASHES = """
import os, sys
with open(sys.argv[1], "a") as file:
    file.write("started\\n")
print("the link", flush=True)
os.abort()
"""
STAYS = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("the link", flush=True)
while os.read(0, 1):
    pass
with open(sys.argv[1], "a") as file:
    file.write(f"ended {os.getppid()}\\n")
"""

SHOUTS = """
import os, sys
for _ in range(64):
    os.write(1, b"x" * 1_000_000)
os.abort()
"""
LINGERS = """
import os, sys, time
def note(text):
    with open(sys.argv[1], "a") as file:
        file.write(text + "\\n")
note("started")
while os.read(0, 1):
    pass
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
note("ended")
"""


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def test_a_page_that_crashes_is_started_again_and_says_its_link_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes"
    keeping = asyncio.create_task(keep_page(("-c", CRASHES, str(notes)), 0.01))
    while len(lines(notes)) < 3:
        assert not keeping.done(), "its crash does not end the host"
        await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])

    assert keeping.cancelled()
    assert capfd.readouterr().out.count("the link") == 1


async def test_a_page_that_prints_without_end_fills_neither_memory_nor_terminal(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    keeping = asyncio.create_task(keep_page(("-c", SHOUTS), 60.0))
    while not [each for each in caplog.records if each.message == "page_ended"]:
        await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])

    assert 0 < len(capfd.readouterr().out) < 10_000


async def test_a_page_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    keeping = asyncio.create_task(keep_page(first_pause=0.01))
    while len([each for each in caplog.records if each.message == "page_not_started"]) < 2:
        assert not keeping.done()
        await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_the_host_ends_without_waiting_for_the_page(tmp_path: Path) -> None:
    notes, may_end = tmp_path / "notes", tmp_path / "may-end"
    keeping = asyncio.create_task(keep_page(("-c", LINGERS, str(notes), str(may_end))))
    while lines(notes) != ["started"]:
        await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])

    assert lines(notes) == ["started"]
    may_end.touch()
    while lines(notes) != ["started", "ended"]:
        await asyncio.sleep(0.02)


def test_a_page_ends_with_a_host_that_is_killed(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    words = ("-c", STAYS, str(notes))
    host = f"import asyncio\nfrom runtime.page_process import keep_page\nasyncio.run(keep_page({words!r}))"
    running = subprocess.Popen([sys.executable, "-c", host], cwd=ROOT, stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == b"the link\n"

    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert eventually(lambda: bool(lines(notes)), 60)
