"""How much memory this program has had at once; ``ru_maxrss`` would begin with what its parent had."""

from pathlib import Path


def peak_mb() -> int:
    """Return the most resident memory since the program was started, in MB (Linux: ``VmHWM``)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
