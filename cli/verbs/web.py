"""``starter.py web``: the fleet in the browser of this machine."""

import socket
from collections.abc import Mapping
from typing import Any, Final

import uvicorn

from cli.desk import Desk
from fleet.errors import OperationError
from reporting.sentences import LANGUAGES, Language
from runtime.embedded.ports import LOOPBACK
from runtime.settings import load_settings
from web.access import Access, new_key
from web.acts import Acts
from web.app import Page, page_app
from web.live import Live
from web.performing import Performer
from web.state import Reader
from web.view import view_of

_NAMES: Final = (LOOPBACK, "localhost")


async def web(desk: Desk) -> int:
    """Serve the page until interrupted. The printed link contains its key.

    Raises:
        OperationError: the port is taken.
    """
    settings, key, asked = load_settings(), new_key(), desk.asked
    try:
        with socket.create_server((LOOPBACK, asked.port)) as listening:
            port = listening.getsockname()[1]
            access = Access(key, {f"{name}:{port}" for name in _NAMES}, may_act=not asked.read_only)
            reader = Reader(desk.fleet)

            async def view() -> Mapping[Language, Mapping[str, Any]]:
                state = await reader.read()
                return {language: view_of(state, settings.rules.risk, language) for language in LANGUAGES}

            acts = Acts(desk.fleet, Performer(desk.fleet, settings.rules).perform)
            page = Page(desk.fleet, access, Live(view), acts, settings.data_dir, settings.report.language)
            address = f"http://{LOOPBACK}:{port}/?key={key}"
            desk.answer({"address": address}, lambda: desk.console.say_all(_lines(address)))
            quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
            config = uvicorn.Config(page_app(page), lifespan="off", timeout_graceful_shutdown=2, **quiet)
            await uvicorn.Server(config).serve([listening])
            await acts.finish()
    except (OSError, OverflowError) as error:
        raise OperationError(
            f"port {asked.port} of {LOOPBACK} cannot be used ({error}); choose another --port"
        ) from None
    return 0


def _lines(address: str) -> list[str]:
    return [address, "Open this link in a browser of this machine and keep it to yourself. Ctrl-C ends the page."]
