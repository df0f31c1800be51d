"""``starter.py web``: the fleet in the browser of this machine."""

import argparse
import socket
from collections.abc import Mapping
from typing import Any, Final

import uvicorn

from cli.plain_answers import answer
from fleet.errors import OperationError
from reporting.sentences import LANGUAGES, Language
from runtime.embedded.ports import LOOPBACK
from runtime.opening import open_fleet
from runtime.settings import load_settings
from web.access import Access, new_key
from web.acts import Acts
from web.app import Page, page_app
from web.connection import Connection
from web.live import Live
from web.performing import Performer
from web.state import Reader
from web.view import view_of

_NAMES: Final = (LOOPBACK, "localhost")
_KEEP: Final = "Open this link in a browser of this machine and keep it to yourself. Ctrl-C ends the page."


async def web(asked: argparse.Namespace) -> int:
    """Serve the page until interrupted. The printed link contains its key.

    Raises:
        OperationError: nothing runs, or the port is taken.
    """
    settings, key = load_settings(), new_key()
    connection = Connection(lambda: open_fleet(settings))
    await connection.fleet()
    try:
        with socket.create_server((LOOPBACK, asked.port)) as listening:
            port = listening.getsockname()[1]
            access = Access(key, {f"{name}:{port}" for name in _NAMES}, may_act=not asked.read_only)
            reader = Reader(connection, settings.rules.strategy.names)

            async def view() -> Mapping[Language, Mapping[str, Any]]:
                state = await reader.read()
                return {language: view_of(state, settings.rules.risk, language) for language in LANGUAGES}

            acts = Acts(connection, Performer(connection, settings.rules).perform)
            page = Page(connection, access, Live(view), acts, settings.data_dir, settings.report.language)
            address = f"http://{LOOPBACK}:{port}/?key={key}"
            answer(asked, {"address": address}, f"{address}\n{_KEEP}")
            quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
            config = uvicorn.Config(page_app(page), lifespan="off", timeout_graceful_shutdown=2, **quiet)
            await uvicorn.Server(config).serve([listening])
            await acts.finish()
    except (OSError, OverflowError) as error:
        raise OperationError(
            f"port {asked.port} of {LOOPBACK} cannot be used ({error}); choose another --port"
        ) from None
    finally:
        await connection.drop()
    return 0
