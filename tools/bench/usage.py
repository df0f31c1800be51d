"""Processor time and memory of the system's parts, as Linux counts them."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PARTS: Final = (
    ("hosts", ("worker.py",)),
    ("page", ("starter.py",)),
    ("Temporal", ("temporal",)),
    ("PostgreSQL", ("postgres",)),
    ("simulator", ("simulator",)),
)
"""The first part with a matching word in its command line."""


def processor_seconds() -> dict[str, float]:
    """Return the processor seconds so far of each part that runs below this process."""
    used: dict[str, float] = defaultdict(float)
    for process in _descendants(os.getpid()):
        part, fields = _part_of(process), _stat(process)
        if part and fields:
            # Children that have ended count too: PostgreSQL's connections come and go.
            used[part] += sum(int(fields[number]) for number in (11, 12, 13, 14)) / _TICK
    return dict(used)


def seconds_of(process: int) -> float:
    """Return the processor seconds that one process has used so far; 0 where the system does not show it."""
    fields = _stat(process)
    return sum(int(fields[number]) for number in (11, 12)) / _TICK if fields else 0.0


def shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Return how much of one core each part has used between two readings."""
    return {part: (after[part] - before.get(part, 0.0)) / seconds for part in sorted(after)}


def resident_kilobytes(process: int) -> float:
    """Return the memory of one process; 0 where the system does not show it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0.0)


def _descendants(process: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    waiting = list(children[process])
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(children[each])


def _stat(process: int) -> list[str]:
    """Return the fields of ``/proc/<pid>/stat`` from the state on; none once the process has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _part_of(process: int) -> str:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
    return next((part for part, words in _PARTS if any(word in command for word in words)), "")
