"""A report's two files: the page, and its figures as JSON beside it."""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.page import Language, page


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
    folder.mkdir(parents=True, exist_ok=True)
    written = names_of(values, language, folder)
    _replace(written.json, json.dumps(values, ensure_ascii=False) + "\n")
    _replace(written.html, html)
    return written


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
