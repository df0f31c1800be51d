"""`python -m web.process`: the page that `worker.py` starts beside it. It ends when its standard input closes."""

import asyncio
import os
import resource
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from fleet.errors import OperationError
from reporting.spoken import say
from runtime.faults import explain
from runtime.language import use_configured_language
from runtime.opening import EXPECTED_ERRORS
from runtime.settings import Settings, load_settings
from runtime.standard_error import guard_standard_error
from runtime.telemetry import start_logging
from security.private_files import close_to_others, kept_private
from web.access.door import new_key
from web.access.exposure import exposure_of
from web.access.passwords import Passwords
from web.server import Door, PageServer, listen_at

_NICE: Final = 5
"""The page gives way to trading on a busy machine."""
_MOST_MEMORY: Final = 2 * 1024**3
"""Bytes. A page takes a tenth of a gigabyte; one that leaks fails before the machine does."""
_KILLED_FIRST: Final = "1000"
"""For Linux's choice of a process to kill when memory is short (``proc_pid_oom_score_adj(5)``)."""


async def _serve(settings: Settings) -> None:
    """Serve the page, and print its links once it listens. The key is kept: a link outlives a restart.

    Raises:
        OperationError: it may not or cannot be served.
    """
    folder, passwords = settings.data_dir / "web", Passwords(settings.data_dir)
    exposure = exposure_of(settings.web, passwords)
    try:
        listening = listen_at(exposure, settings.web.port)
    except (OSError, OverflowError) as error:
        text = f"port {settings.web.port} of {exposure.host} cannot be used ({error}); choose another HARU_WEB__PORT"
        raise OperationError(text) from None
    with listening:
        key = kept_private(folder / "link.key", new_key).decode()
        door = Door(key, exposure, passwords, sessions=folder / "sessions.json")
        page = PageServer(settings, door, listening)
        _end_with_the_host(page, asyncio.get_running_loop())
        first, *others = page.links
        sys.stdout.write(f"{say('Page')}: {first}\n")
        sys.stdout.writelines(f"{say('Read-only')}: {each}\n" for each in others)
        sys.stdout.flush()
        await page.serve()


def _end_with_the_host(page: PageServer, loop: asyncio.AbstractEventLoop) -> None:
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        loop.call_soon_threadsafe(page.end)

    threading.Thread(target=wait, daemon=True).start()


def give_way() -> None:
    """Let trading come first on a busy machine, and bound this process's memory."""
    os.nice(_NICE)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _MOST_MEMORY if most == resource.RLIM_INFINITY else min(_MOST_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, most))
    with suppress(OSError):  # no Linux, or no rights
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST, encoding="ascii")


def main() -> int:
    """Serve until the host ends; return 1 when the page cannot be served, with the reason on standard output."""
    guard_standard_error()
    close_to_others()
    use_configured_language()
    give_way()
    try:
        settings = load_settings()
        start_logging(settings.telemetry, settings.secrets())
        asyncio.run(_serve(settings))
    except (*EXPECTED_ERRORS, OSError) as error:
        sys.stdout.write(f"{say('The page is not served')}: {say(explain(error))}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
