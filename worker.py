"""Host the trading: ``python worker.py`` starts the embedded parts and runs workflows and activities until stopped."""

import asyncio
import signal
import sys
from contextlib import suppress

from runtime.hosting import REFUSALS, host
from runtime.settings import load_settings
from runtime.telemetry import guard_standard_error, say_error, start_logging
from security.private_files import close_to_others


async def _main() -> int:
    close_to_others()
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    try:
        settings = load_settings()
        start_logging(settings.telemetry, settings.secrets())
        await host(settings, told_to_stop)
    except REFUSALS as error:
        say_error("worker.py", error)
        return 1
    return 0


if __name__ == "__main__":
    guard_standard_error()
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_main()))
