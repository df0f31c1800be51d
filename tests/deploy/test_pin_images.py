"""`make images` resolves each tag to its registry's current digest; without an answer nothing counts as pinned."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import pin_images

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Image files outside the repository, without an allowance."""
    monkeypatch.setattr(pin_images, "PINNED", tmp_path / "images.env")
    monkeypatch.delenv(pin_images.ALLOWED_BY, raising=False)
    return tmp_path


def registry_says(answer: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named docker first in the path that gives one answer."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_every_image_is_pinned_to_the_digest_of_its_tag(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry_says(f"echo {DIGEST}", files, monkeypatch)

    pin_images.pin()
    pin_images.check()

    images = pin_images.images_in(pin_images.PINNED)
    assert images == {name: f"{image}@{DIGEST}" for name, image in pin_images.images_in(pin_images.TAGS).items()}


@pytest.mark.parametrize("answer", ["echo no such image >&2; exit 1", "echo latest", "true"])
def test_an_answer_without_a_digest_pins_nothing(files: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    registry_says(answer, files, monkeypatch)

    with pytest.raises(pin_images.ImagesError, match="gave no digest of python:"):
        pin_images.pin()

    assert not pin_images.PINNED.exists()


@pytest.mark.parametrize("image", ["postgres:18", f"postgres:18@{DIGEST[:-1]}", ""])
def test_one_image_without_a_digest_fails_the_check_unless_that_is_allowed(
    files: Path, monkeypatch: pytest.MonkeyPatch, image: str
) -> None:
    registry_says(f"echo {DIGEST}", files, monkeypatch)
    pin_images.pin()
    lines = pin_images.PINNED.read_text().replace(f"IMAGE_POSTGRES=postgres:18@{DIGEST}", f"IMAGE_POSTGRES={image}")
    pin_images.PINNED.write_text(lines)

    with pytest.raises(pin_images.ImagesError, match=r"no digest in IMAGE_POSTGRES; run `make images`"):
        pin_images.check()

    monkeypatch.setenv(pin_images.ALLOWED_BY, "yes")
    pin_images.check()


def test_without_the_file_the_check_says_how_it_is_made(files: Path) -> None:
    with pytest.raises(pin_images.ImagesError, match="`make images` writes it"):
        pin_images.check()


def test_without_docker_the_program_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, pin_images.__file__], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("images: there is no Docker here")
