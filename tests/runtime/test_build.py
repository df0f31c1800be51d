"""The build id covers the code that a host runs, and survives what editors leave in a folder."""

import subprocess
import sys
from pathlib import Path

from runtime.build import SOURCES, source_build

_ROOT = Path(__file__).resolve().parents[2]
_LOADED = """
import sys, runtime.hosting, runtime.faults
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_digest_covers_every_package_that_a_host_imports() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], cwd=_ROOT, capture_output=True, text=True, check=True)
    ours = {each.name for each in _ROOT.iterdir() if (each / "__init__.py").is_file()}

    assert ours.intersection(done.stdout.split()) <= set(SOURCES)


def test_the_lock_of_an_editor_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "fleet.py").write_text("held = 1\n")
    before = source_build.__wrapped__(tmp_path)
    (tmp_path / "fleet" / ".#fleet.py").symlink_to("editor@machine.1234")

    assert source_build.__wrapped__(tmp_path) == before
