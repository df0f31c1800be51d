"""Tools that check deployment files and are no part of the tests: `make deploy-check` brings most of them."""

import shutil
import subprocess
from collections.abc import Sequence

import pytest


def checked(tool: str, *arguments: str) -> str:
    """Return what a tool prints; skip by its name where it is absent. A complaint fails the test."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    done = run([path, *arguments])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
