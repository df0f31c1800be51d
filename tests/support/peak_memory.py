"""Peak memory of this program; ``ru_maxrss`` would include the parent's memory."""

from pathlib import Path


def peak_mb() -> int:
    """Return the peak resident memory since the program was started, in MB (Linux: ``VmHWM``)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
