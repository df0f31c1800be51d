"""A program that is started by a Python without Haru's packages names the remedy."""

import subprocess
import sys

import pytest

from tests.runtime.embedded.processes import ROOT


@pytest.mark.parametrize("program", ["worker.py", "starter.py", "demo.py"])
def test_a_python_without_the_packages_is_refused_with_the_remedy(program: str) -> None:
    bare = subprocess.run([sys.executable, "-S", str(ROOT / program)], capture_output=True, text=True, check=False)

    assert bare.returncode == 1
    assert "make install" in bare.stderr
    assert f".venv/bin/python {program}" in bare.stderr
    assert "Traceback" not in bare.stderr
