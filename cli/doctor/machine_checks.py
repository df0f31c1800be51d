"""Doctor checks of this machine: data folder, disk, access to `.env`, and the format of the keys."""

import os
import shutil
from pathlib import Path
from typing import Final

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from domain.room import LEAST_TO_START, RoomLevels
from security.private_files import NotPrivateError, private_folder, read_private

KEY_LENGTH: Final = 36
SECRET_LENGTH: Final = 180
_SCARCE: Final = RoomLevels().scarce
_TOO_LITTLE: Final = LEAST_TO_START
"""Bytes. With less, `worker.py` does not start its parts."""


def look_at_folder(folder: Path) -> Finding:
    """Check that the data folder is writable or can be created, and how much room its disk has (bytes)."""
    if folder.is_dir():
        try:
            private_folder(folder)
        except NotPrivateError as error:
            return wrong(str(error), "or choose another folder with HARU_DATA_DIR")
    there = folder if folder.exists() else next(parent for parent in folder.resolve().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong(f"{there} cannot be written", "choose another with HARU_DATA_DIR, or correct its owner and mode")
    free = shutil.disk_usage(there).free
    text = f"{folder} {'is writable' if there is folder else 'will be made'}, {free / 1024**3:,.1f} GB free"
    if free < _TOO_LITTLE:
        return wrong(text, "make room: PostgreSQL stops when the disk is full")
    if free < _SCARCE:
        return doubtful(text, "make room, or set HARU_DATA_DIR to a larger disk")
    return fine(text)


def look_at_env_file(path: Path) -> Finding:
    """Check that other users of this machine cannot read the secrets."""
    if not path.exists():
        return fine(f"{path} does not exist; only environment variables count")
    if not path.is_file():
        return fine(f"{path} is no file; only environment variables count")
    try:
        read_private(path, links=True)
    except NotPrivateError as error:
        return wrong(str(error), f"correct owner and mode of {path}, or remove it")
    return fine(f"{path} is its owner's alone")


def problem_with_key(text: str, length: int) -> str:
    """Return the format problem of an app key (36) or app secret (180 characters); empty if there is none."""
    if any(not 32 < ord(character) < 127 for character in text):
        return "holds a blank, a line break or a foreign character"
    return "" if len(text) == length else f"has {len(text)} characters, KIS's have {length}"


def look_at_keys(app_key: str, app_secret: str) -> Finding:
    """Check that key and secret have KIS's format. Neither is shown."""
    pairs = (("APP_KEY", app_key, KEY_LENGTH), ("APP_SECRET", app_secret, SECRET_LENGTH))
    problems = [
        f"HARU_BROKER__{name} {what}" for name, text, length in pairs if (what := problem_with_key(text, length))
    ]
    if problems:
        return wrong("; ".join(problems), "copy them again from KIS's portal, or `python starter.py import-keys`")
    return fine("key and secret have KIS's form")
