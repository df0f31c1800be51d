"""``starter.py codec-server``: decrypt payloads for the Web UI of this machine."""

import argparse
import socket
from typing import Final

import uvicorn

from cli.plain_answers import answer
from fleet.errors import OperationError
from runtime.embedded.ports import LOOPBACK
from runtime.settings import load_settings
from runtime.temporal_connection import ring_of
from security.sealing.codec_server import codec_app, new_token

_NAMES: Final = (LOOPBACK, "localhost")
_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - of a container, whose port is published on the machine's loopback


async def show_payloads(asked: argparse.Namespace) -> int:
    """Decrypt payloads for the Web UI of this machine until interrupted. The printed address contains a token.

    In a container it listens on each of its addresses, and still answers only a browser of this machine.

    Raises:
        OperationError: the port is taken.
    """
    settings, token = load_settings(), new_token()
    ui = f":{settings.ports.temporal_ui}" if asked.ui is None else f":{asked.ui}"
    try:
        with socket.create_server((_EVERYWHERE if asked.container else LOOPBACK, asked.port)) as listening:
            port = listening.getsockname()[1]
            hosts = {f"{name}:{port}" for name in _NAMES}
            app = codec_app(ring_of(settings), token, hosts, {f"http://{name}{ui}" for name in _NAMES})
            address = f"http://{LOOPBACK}:{port}/{token}"
            where = "In the Web UI, under the glasses icon, give this address and keep it to yourself:"
            answer(asked, {"address": address}, f"{where}\n{address}\nCtrl-C stops it.")
            config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
            await uvicorn.Server(config).serve([listening])
    except (OSError, OverflowError) as error:
        raise OperationError(
            f"port {asked.port} of {LOOPBACK} cannot be used ({error}); choose another --port"
        ) from None
    return 0
