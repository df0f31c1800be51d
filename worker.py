"""Host the trading: ``python worker.py`` starts the embedded parts and runs workflows and activities until stopped."""

# ruff: noqa: PLC0415 - the help does not wait for the imports of a host
import asyncio
import signal
import sys
from contextlib import suppress

from runtime.installed import require_packages

_ABOUT = """It takes no arguments: settings come from the environment and from .env (docs/operations.md#settings). \
Then run `python starter.py --workers 5` in another terminal."""


def _read_arguments() -> None:
    from reporting.spoken import say
    from runtime.language import Parser, use_configured_language

    use_configured_language()
    about = say("Host the trading: start what is not configured, then run the workers until Ctrl-C.")
    Parser(prog="worker.py", description=about, epilog=say(_ABOUT)).parse_args()


async def _main() -> int:
    from reporting.spoken import named, say
    from runtime.faults import explain
    from runtime.hosting import REFUSALS, host
    from runtime.settings import load_settings
    from runtime.standard_error import say_error
    from runtime.telemetry import start_logging
    from security.private_files import close_to_others

    close_to_others()
    stop_requested, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_requested.set)
    try:
        settings = load_settings()
        start_logging(settings.telemetry, settings.secrets())
        await host(settings, stop_requested)
    except REFUSALS as error:
        say_error(named("worker.py"), say(explain(error)))
        return 1
    return 0


def run() -> None:
    """Host the trading; also the console command ``haru-worker``."""
    require_packages("worker.py")
    from runtime.standard_error import guard_standard_error

    _read_arguments()
    guard_standard_error()
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_main()))


if __name__ == "__main__":
    run()
