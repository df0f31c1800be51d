"""Pin each image to its tag's current digest (``make images``); ``--check`` refuses images without a digest.

Runs on a fresh machine: it needs only the standard library and Docker.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parent
TAGS: Final = _FOLDER / "unpinned.env"
PINNED: Final = _FOLDER / "images.env"
ALLOWED_BY: Final = "ALLOW_UNPINNED_IMAGES"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PINNED_IMAGE: Final = re.compile(r"[\w./-]+(:[\w.-]+)?@sha256:[0-9a-f]{64}")


class ImagesError(Exception):
    """An image is not pinned, or cannot be pinned; the text names the fix."""


def images_in(file: Path) -> dict[str, str]:
    """Return the images in a file by variable name."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ImagesError(f"{file} is not there; `make images` writes it, on a machine with Docker") from None
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def pin() -> None:
    """Get the digest of each tag from its registry and write the file that production uses."""
    pinned = {name: f"{image}@{_digest_of(image)}" for name, image in images_in(TAGS).items()}
    lines = [f"# Written by `make images`: what the tags of {TAGS.name} were then. Review the change, then commit it."]
    PINNED.write_text("\n".join([*lines, *(f"{name}={image}" for name, image in pinned.items())]) + "\n")


def check() -> None:
    """Raise ``ImagesError`` if an image is missing or has no digest."""
    if os.environ.get(ALLOWED_BY) == "yes":
        return
    images = images_in(PINNED)
    loose = [name for name in images_in(TAGS) if not _PINNED_IMAGE.fullmatch(images.get(name, ""))]
    if loose:
        raise ImagesError(
            f"{PINNED}: no digest in {', '.join(loose)}; run `make images`, or set {ALLOWED_BY}=yes to use tags"
        )


def _digest_of(image: str) -> str:
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ImagesError("there is no Docker here; run `make images` where it is") from None
    digest = done.stdout.strip()
    if done.returncode != 0 or not _DIGEST.fullmatch(digest):
        raise ImagesError(f"the registry gave no digest of {image}: {(done.stderr or done.stdout).strip()[:300]}")
    return digest


def main() -> int:
    """Return 0 when every image is pinned, else 1."""
    parser = argparse.ArgumentParser(prog="pin_images.py", description="Pin the images of docker-compose.yml.")
    parser.add_argument("--check", action="store_true", help="only look whether they are")
    asked = parser.parse_args()
    try:
        if not asked.check:
            pin()
        check()
    except ImagesError as error:
        sys.stderr.write(f"images: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
