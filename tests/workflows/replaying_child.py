"""Replays recorded histories with the workflows of its path, and names the first that fails: a process of its own.

The first argument is the folder of histories. The output is a name, or nothing if all replay.
"""

import asyncio
import os
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.hosted import HOSTED
from workflows.payloads import DATA_CONVERTER


async def first_failure(folder: Path) -> str:
    """Return the history that does not replay, with the cause."""
    replayer = Replayer(workflows=HOSTED, data_converter=DATA_CONVERTER, debug_mode=True)
    for path in sorted(folder.rglob("*.json"), key=lambda each: each.stat().st_size):
        history = WorkflowHistory.from_json(path.stem, path.read_text())
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            return f"{path.parent.name}/{path.stem}: {result.replay_failure}"
    return ""


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(first_failure(Path(sys.argv[1]))))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads may still end a failed replay, which an ordinary end of Python aborts
