"""Where stored bars come from: the sources of a store, one entry for each import or download."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from history.errors import HistoryError
from security.private_files import private_folder, write_private


@dataclass(frozen=True, slots=True)
class Source:
    """One origin of rows. ``id`` stands in each row; ``mapping`` is how the columns were read."""

    id: str
    origin: str
    at: datetime
    mapping: Mapping[str, Any] = field(default_factory=dict)


class Provenance:
    """The sources of a store, as a JSON file that a person can read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> dict[str, Source]:
        """Return the sources by id.

        Raises:
            HistoryError: the file is damaged.
        """
        if not self._file.exists():
            return {}
        try:
            listed = json.loads(self._file.read_text("utf-8"))
            sources = [
                Source(one["id"], one["origin"], datetime.fromisoformat(one["at"]), one["mapping"]) for one in listed
            ]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise HistoryError(f"{self._file} is damaged ({error}); remove it: bars then show no source") from error
        return {source.id: source for source in sources}

    def add(self, source: Source) -> None:
        """Add a source, or replace the one of the same id."""
        sources = {**self.all(), source.id: source}
        listed = [{**asdict(one), "at": one.at.isoformat()} for one in sources.values()]
        private_folder(self._file.parent)
        write_private(self._file, json.dumps(listed, ensure_ascii=False, indent=1))
