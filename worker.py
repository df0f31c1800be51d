"""Host the trading: ``python worker.py`` starts the embedded parts and runs workflows and activities until stopped."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="worker.py",
        description="Host the trading: start what is not configured, then run the workers until Ctrl-C.",
        epilog="It takes no arguments: settings come from the environment and from .env (docs/operations.md#settings). "
        "Then run `python starter.py --workers 5` in another terminal.",
    )


async def _main() -> int:
    # ruff: noqa: PLC0415 - the help does not wait for the imports of a host
    from cli.language import use_configured_language
    from reporting.spoken import say
    from runtime.faults import explain
    from runtime.hosting import REFUSALS, host
    from runtime.settings import load_settings
    from runtime.standard_error import say_error
    from runtime.telemetry import start_logging
    from security.private_files import close_to_others

    close_to_others()
    use_configured_language()
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_requested.set)
    try:
        settings = load_settings()
        start_logging(settings.telemetry, settings.secrets())
        await host(settings, stop_requested)
    except REFUSALS as error:
        say_error("worker.py", say(explain(error)))
        return 1
    return 0


def run() -> None:
    """Host the trading; also the console command ``haru-worker``."""
    _parser().parse_args()
    from runtime.installed import require_packages

    require_packages("worker.py")
    from runtime.standard_error import guard_standard_error

    guard_standard_error()
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_main()))


if __name__ == "__main__":
    run()
