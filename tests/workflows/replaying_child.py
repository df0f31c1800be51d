"""Replays recorded histories with the workflows of its path, and names those that fail: a process of its own.

The first argument is the folder of histories, the second how many failures to name. The output is a line for each.
"""

import asyncio
import os
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from workflows.hosted import HOSTED
from workflows.payloads import DATA_CONVERTER


async def failures(folder: Path, most: int) -> list[str]:
    """Return the histories that do not replay, with the cause; the shortest first, and at most so many."""
    quiet = Runtime(telemetry=TelemetryConfig(logging=None))  # the SDK writes its log to standard output
    replayer = Replayer(workflows=HOSTED, data_converter=DATA_CONVERTER, debug_mode=True, runtime=quiet)
    found = list[str]()
    for path in sorted(folder.rglob("*.json"), key=lambda each: each.stat().st_size):
        history = WorkflowHistory.from_json(path.stem, path.read_text())
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            found.append(f"{path.relative_to(folder).with_suffix('')}: {result.replay_failure}".splitlines()[0])
        if len(found) == most:
            break
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(asyncio.run(failures(Path(sys.argv[1]), int(sys.argv[2])))))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads may still end a failed replay, which an ordinary end of Python aborts
