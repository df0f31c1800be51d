"""The recording of a day on disk: gzip lines by date, written by a thread that nothing waits for."""

import gzip
import json
import logging
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from activities.support.recorder import DayRecorder, Note
from domain.room import LEAST_TO_START
from security.private_files import append_private, private_folder

logger = logging.getLogger("haru.recording")

FOLDER: Final = "recordings"
_EVERY: Final = 60.0
"""Real seconds between two writes. A killed host loses so much."""
_FIRST_WITHIN: Final = 2.0
"""Real seconds until the first note is on disk: the file of a host that is killed shows what it did not write."""
_ENDS_WITHIN: Final = 5.0
"""Real seconds that the end of the program waits for a slow disk."""


class RecordingWriter:
    """Writes a recorder's notes. A disk that is full, slow or broken costs the recording only."""

    def __init__(
        self, recorder: DayRecorder, folder: Path, days: int, now: Callable[[], datetime], every: float = _EVERY
    ) -> None:
        self._recorder = recorder
        self._folder = folder
        self._days = days
        self._now = now
        self._every = every
        self._dates: set[date] = set()
        self._problem = ""
        self._reported = 0
        self.lost = 0
        """Notes that could not be written."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end the thread; a disk that hangs is not waited for."""
        self._stop.set()
        self._thread.join(_ENDS_WITHIN)

    def _run(self) -> None:
        while not self._stop.wait(self._every if self._dates else min(self._every, _FIRST_WITHIN)):
            self.write(self._recorder.take(self._now()))
        self.write(self._recorder.take(), is_last=True)

    def write(self, notes: Sequence[Note], *, is_last: bool = False) -> None:
        """Append notes to the files of their dates, and how far the last file reaches; never raise."""
        by_date: dict[date, list[Note]] = defaultdict(list)
        for note in notes:
            by_date[note.date].append(note)
        reached = max([*by_date, *self._dates], default=None)
        for day in {*by_date, *([] if reached is None else [reached])}:
            of_day = by_date[day]
            try:
                self._append(day, of_day, self._reach(is_last=is_last))
            except OSError as error:
                self.lost += len(of_day)
                self._report(f"{error}")
            else:
                self._report("")

    def _reach(self, *, is_last: bool) -> dict[str, str]:
        """Return to when the notes are written, and when the next ones are due (market time)."""
        now = self._now()
        due = now if is_last else now + timedelta(seconds=self._every) * self._recorder.speed
        return {"kind": "written", "to": now.isoformat(), "next": due.isoformat()}

    def _append(self, day: date, notes: Sequence[Note], reach: Mapping[str, str]) -> None:
        folder = private_folder(self._folder / f"{day}")
        if shutil.disk_usage(folder).free < LEAST_TO_START:
            raise OSError(f"the disk of {folder} is nearly full")
        lines = [json.dumps({"kind": note.kind, **note.values}, separators=(",", ":")) for note in notes]
        missing = self._recorder.dropped + self.lost
        if missing != self._reported:
            lines.append(json.dumps({"kind": "missing", "notes": missing}))
        lines.append(json.dumps(reach))
        with append_private(folder / f"{os.getpid()}.jsonl.gz") as file:
            file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
        self._reported = missing
        if day not in self._dates:
            self._dates.add(day)
            remove_before(self._folder, day - timedelta(days=self._days))

    def _report(self, problem: str) -> None:
        if problem and not self._problem:
            logger.warning("recording_stopped", extra={"cause": problem, "effect": "trading goes on"})
        elif self._problem and not problem:
            logger.info("recording_goes_on", extra={"lost": self.lost})
        self._problem = problem


def remove_before(folder: Path, first: date) -> None:
    """Remove the recordings of days before a date."""
    for each in folder.iterdir():
        try:
            day = date.fromisoformat(each.name)
        except ValueError:
            continue
        if day < first:
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def recording(data: Path, days: int, now: Callable[[], datetime], speed: int = 1) -> Iterator[DayRecorder | None]:
    """Record while the block runs; None if recordings are kept for no day. ``speed``: market seconds a real second."""
    if not days:
        yield None
        return
    recorder = DayRecorder(speed=speed)
    writer = RecordingWriter(recorder, data / FOLDER, days, now)
    writer.start()
    try:
        yield recorder
    finally:
        writer.stop()
