"""A report's two files: the page, and its figures as JSON beside it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.page import Language, page
from security.private_files import FOLDER_MODE, write_private


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report's files are."""

    html: Path
    json: Path


def names_of(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    """Return where the files of a report go; a page that is not in English has its language in its name."""
    day = values["session_date"] if values["kind"] == "day" else f"{values['first']}--{values['last']}"
    suffix = "" if language == "en" else f".{language}"
    return Written(folder / f"report-{day}{suffix}.html", folder / f"report-{day}.json")


async def write(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    """Write both files, each whole or not at all, without keeping the event loop; OSErrors pass through."""
    return await asyncio.to_thread(_write, values, language, folder)


def _write(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    html = page(values, language) + "\n"
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    written = names_of(values, language, folder)
    write_private(written.json, json.dumps(values, ensure_ascii=False) + "\n")
    write_private(written.html, html)
    return written
