"""The database alone: configured, already running here, or started temporarily on the data of a stopped fleet."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from runtime.embedded.endpoints import read_endpoints
from runtime.embedded.errors import EmbeddedError, FolderHeldError
from runtime.embedded.folder import hold_folder
from runtime.embedded.ports import free_port
from runtime.embedded.postgres import PASSWORD, UPGRADED, owner_url
from runtime.embedded.process import Launcher
from runtime.embedded.roles import start_books
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class FoundDatabase:
    """Where the database answers, and whether it runs only for the caller."""

    url: str
    started_here: bool = False
    migration_url: str | None = None
    """The same database as the owner of its tables; None if it is not ours."""


class NoBooksError(EmbeddedError):
    """No database is configured, and none was ever created here."""


@asynccontextmanager
async def database_alone(settings: Settings) -> AsyncIterator[FoundDatabase]:
    """Yield the address of the database. A database started for the block stops with it. No other part starts.

    Raises:
        NoBooksError: there is no database to open.
    """
    if settings.database_url is not None:
        yield FoundDatabase(settings.database_url.get_secret_value())
        return
    if not any((settings.data_dir / name).is_dir() for name in ("postgres", UPGRADED)):
        raise NoBooksError(
            f"there are no books in {settings.data_dir}: run `python worker.py` or `make demo` first, "
            "or name their folder with HARU_DATA_DIR"
        )
    try:
        hold = await hold_folder(settings.data_dir)
    except FolderHeldError:
        yield _running_here(settings)
        return
    async with AsyncExitStack() as stack:
        stack.callback(hold.release)
        launcher = Launcher(hold.folder, kept_open=[hold.shared], stack=stack)
        urls = await start_books(launcher, free_port())
        yield FoundDatabase(urls.application, started_here=True, migration_url=urls.owner)


def _running_here(settings: Settings) -> FoundDatabase:
    endpoints = read_endpoints(settings.data_dir)
    if endpoints is None or endpoints.database_url is None:
        raise NoBooksError(f"the process that holds {settings.data_dir} runs no database yet; try again in a moment")
    port = urlsplit(endpoints.database_url).port or 0
    owner = owner_url(settings.data_dir, port) if (settings.data_dir / PASSWORD).exists() else None
    return FoundDatabase(endpoints.database_url, migration_url=owner)
