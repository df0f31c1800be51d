"""The key beside an embedded database: created once, readable only by its owner, never replaced silently."""

import stat
from pathlib import Path

import pytest

from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.token_key import FILE, kept_key


def test_it_is_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    key = kept_key(folder)

    assert kept_key(folder) == key
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_a_file_that_holds_no_key_is_reported_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("half a k")

    with pytest.raises(CorruptFolderError, match=r"token\.key does not hold a key; remove it") as raised:
        kept_key(tmp_path)

    assert "half a k" not in str(raised.value)
