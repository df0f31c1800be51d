"""Write a report's two files: the page, and its figures as JSON."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.page import page
from reporting.sentences import Language
from security.private_files import FOLDER_MODE, write_private


@dataclass(frozen=True, slots=True)
class Written:
    """Paths of a report's files."""

    html: Path
    json: Path


def names_of(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    """Return the paths of a report's files. The name of a page contains its language unless that is English."""
    day = values["session_date"] if values["kind"] == "day" else f"{values['first']}--{values['last']}"
    return Written(folder / suffixed(f"report-{day}", language), folder / f"report-{day}.json")


def suffixed(name: str, language: Language) -> str:
    """Return a page's file name. It contains the language unless that is English."""
    return f"{name}.html" if language == "en" else f"{name}.{language}.html"


async def write(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    """Write both files atomically, without blocking the event loop. OSErrors propagate."""
    return await asyncio.to_thread(_write, values, language, folder)


def _write(values: Mapping[str, Any], language: Language, folder: Path) -> Written:
    html = page(values, language) + "\n"
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    written = names_of(values, language, folder)
    write_private(written.json, json.dumps(values, ensure_ascii=False) + "\n")
    write_private(written.html, html)
    return written
